package relational

import "sync"

// maxShapes bounds the texts that are kept. They are few as long as nobody plays with filters.
const maxShapes = 256

// shape is what the text of a direct search depends on.
type shape struct{ index, cond string }

// shapes are the texts of direct searches, each made once.
type shapes struct {
	mu    sync.RWMutex
	texts map[shape]string
}

// text returns the text of a shape, making it if need be.
func (s *shapes) text(k shape, text func() string) string {
	s.mu.RLock()
	have := s.texts[k]
	s.mu.RUnlock()
	if have != "" {
		return have
	}
	have = text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.texts == nil || len(s.texts) >= maxShapes {
		s.texts = map[shape]string{}
	}
	s.texts[k] = have
	return have
}
