package filter

// Walk calls f for every Compare and Element of e, those inside an Element
// included, in the order of the text, until f returns false. It reports whether f
// never did.
func Walk(e Expr, f func(Expr) bool) bool {
	switch e := e.(type) {
	case *And:
		return walkAll(e.Terms, f)
	case *Or:
		return walkAll(e.Terms, f)
	case *Not:
		return Walk(e.Term, f)
	case *Element:
		return f(e) && Walk(e.Inner, f)
	case *Compare:
		return f(e)
	}
	return true
}

func walkAll(terms []Expr, f func(Expr) bool) bool {
	for _, t := range terms {
		if !Walk(t, f) {
			return false
		}
	}
	return true
}
