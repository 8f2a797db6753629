package access_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/muster-id/muster/internal/access"
)

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func TestTokenHasItsForm(t *testing.T) {
	t.Parallel()
	plain, hash, hint := access.NewToken()
	token := plain.Reveal()
	if !strings.HasPrefix(token, "mst_") || len(token) != 53 || !access.WellFormed(token) {
		t.Errorf("NewToken = %q, want mst_ and 49 symbols with a right checksum", token)
	}
	if hash != access.HashToken(token) {
		t.Error("the hash is not that of the token")
	}
	if want := "mst_…" + token[len(token)-4:]; hint != want {
		t.Errorf("hint = %q, want %q", hint, want)
	}
	if got := fmt.Sprint(plain); strings.Contains(got, token) {
		t.Errorf("the plain token prints as %q", got)
	}
}

// Fixed on purpose: tokens are in other people's hands, so the form may grow but
// what was given out must stay readable.
func TestTokenFormIsStable(t *testing.T) {
	t.Parallel()
	const token = "mst_0000000000000000000000000000000000000000000" + "452r8R"
	if !access.WellFormed(token) {
		t.Error("a token of the first version is no longer well formed")
	}
}

func TestSec_A04_EveryAlterationIsRefusedWithoutLookup(t *testing.T) {
	t.Parallel()
	plain, _, _ := access.NewToken()
	token := plain.Reveal()
	refuse := func(what, altered string) {
		t.Helper()
		if altered != token && access.WellFormed(altered) {
			t.Errorf("%s: %q is taken for well formed", what, altered)
		}
	}
	for i := range len(token) {
		refuse(fmt.Sprintf("without position %d", i), token[:i]+token[i+1:])
		refuse(fmt.Sprintf("doubled position %d", i), token[:i+1]+token[i:])
		for _, c := range []byte(alphabet + " _-.\x00\xff") {
			refuse(fmt.Sprintf("position %d set to %q", i, c), token[:i]+string([]byte{c})+token[i+1:])
		}
		if i+1 < len(token) {
			refuse(fmt.Sprintf("positions %d and %d swapped", i, i+1), token[:i]+string([]byte{token[i+1], token[i]})+token[i+2:])
		}
	}
	refuse("padded", token+"=")
	refuse("blank behind", token+" ")
	refuse("upper case", strings.ToUpper(token))
	refuse("lower case", strings.ToLower(token))
	refuse("doubled", token+token)
	refuse("empty", "")
	refuse("prefix alone", "mst_")
	refuse("another prefix", "msu_"+token[4:])
}

func TestSec_A05_TokensAreUniformAndUnique(t *testing.T) {
	t.Parallel()
	const tokens = 25_000 // 43 random symbols each: over a million
	counts := map[byte]int{}
	first := map[byte]int{}
	seen := make(map[string]bool, tokens)
	for range tokens {
		plain, _, _ := access.NewToken()
		token := plain.Reveal()
		if seen[token] {
			t.Fatalf("%q twice", token)
		}
		seen[token] = true
		random := token[4 : 4+43]
		first[random[0]]++
		for _, c := range []byte(random) {
			counts[c]++
		}
	}
	// 61 degrees of freedom: χ² has mean 61 and deviation 11; 133 is passed by
	// chance once in 10^7 runs. A byte taken modulo 62 without rejection gives 14,000.
	for name, c := range map[string]map[byte]int{"all symbols": counts, "the first symbol": first} {
		total := 0
		for _, n := range c {
			total += n
		}
		expected, chi := float64(total)/float64(len(alphabet)), 0.0
		for _, s := range []byte(alphabet) {
			chi += math.Pow(float64(c[s])-expected, 2) / expected
		}
		if chi > 133 {
			t.Errorf("χ² of %s = %.0f, want under 133", name, chi)
		}
	}
}

// Not parallel: allocations of other tests would be counted.
func TestSec_A16_LongCredentialIsRefusedCheaply(t *testing.T) {
	header := "Bearer " + strings.Repeat(".", 10<<20)
	if allocs := testing.AllocsPerRun(10, func() {
		if _, err := access.ParseBearer(header); err == nil {
			t.Error("10 MB of dots are taken for a token")
		}
	}); allocs > 2 {
		t.Errorf("%v allocations, want no copy of the header", allocs)
	}
}
