package schema

import "time"

// instantLayout is the form in which instants are compared: fixed width, so that
// the order of the strings is the order of the instants.
const instantLayout = "2006-01-02T15:04:05.000000000Z"

// ParseDateTime reads an xsd:dateTime with a year of four digits (RFC 7643 §2.3.5).
// Without an offset it is taken as UTC. Fractions count to the nanosecond.
func ParseDateTime(s string) (time.Time, bool) {
	d := digits{s: s, ok: true}
	year := d.number(4)
	d.literal('-')
	month := d.number(2)
	d.literal('-')
	day := d.number(2)
	d.literal('T')
	hour := d.number(2)
	d.literal(':')
	minute := d.number(2)
	d.literal(':')
	second := d.number(2)
	nanos := d.fraction()
	offset := d.offset()

	midnight := hour == 24 && minute == 0 && second == 0 && nanos == 0 // the end of the day
	if !d.ok || d.s != "" || year == 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) ||
		hour > 23 && !midnight || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC).Add(-offset)
	return t, t.Year() >= 0 && t.Year() <= 9999
}

func validDateTime(s string) bool {
	_, ok := ParseDateTime(s)
	return ok
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// digits reads a date from its front. After a mismatch ok is false for good.
type digits struct {
	s  string
	ok bool
}

func (d *digits) next() byte {
	if d.s == "" {
		return 0
	}
	return d.s[0]
}

func (d *digits) literal(c byte) {
	if d.next() != c {
		d.ok = false
		return
	}
	d.s = d.s[1:]
}

// number reads exactly n digits.
func (d *digits) number(n int) int {
	v := 0
	for range n {
		c := d.next()
		if c < '0' || c > '9' {
			d.ok = false
			return 0
		}
		v = 10*v + int(c-'0')
		d.s = d.s[1:]
	}
	return v
}

// fraction reads an optional fraction of a second and returns it in nanoseconds.
func (d *digits) fraction() int {
	if d.next() != '.' {
		return 0
	}
	d.s = d.s[1:]
	v, unit, n := 0, int(time.Second), 0
	for ; d.next() >= '0' && d.next() <= '9'; n++ {
		unit /= 10
		v += unit * int(d.next()-'0')
		d.s = d.s[1:]
	}
	d.ok = d.ok && n > 0
	return v
}

// offset reads an optional time zone, at most 14 hours from UTC.
func (d *digits) offset() time.Duration {
	sign := time.Duration(1)
	switch d.next() {
	case 'Z':
		d.s = d.s[1:]
		return 0
	case '-':
		sign = -1
	case '+':
	default:
		return 0
	}
	d.s = d.s[1:]
	hours := d.number(2)
	d.literal(':')
	minutes := d.number(2)
	if hours > 14 || minutes > 59 || hours == 14 && minutes > 0 {
		d.ok = false
	}
	return sign * (time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute)
}
