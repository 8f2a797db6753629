package server

import (
	"net/http"
	"slices"
	"strconv"
)

// unit is operations that are carried out together: one, or those that refer to each other in a circle.
type unit struct {
	ops    []int // in the order of the request
	circle bool
}

// order returns the operations in the order in which they are carried out. It is that of the request, but
// for an operation that refers to what a later one creates: it waits until that is there. Then its
// reference is like any other, and if the other operation fails it can still be refused.
//
// What waits is not overtaken by an operation on the same resource, so that reordering changes no outcome
// (RFC 7644 §3.7). Creates that refer to each other in a circle are one unit; nothing else can close a circle,
// because nobody refers to an operation that creates nothing.
func (req *bulkRequest) order() []unit {
	units, of := req.units()
	missing := make([]int, len(units)) // units that a unit waits for
	waiters := make([][]int, len(units))
	wait := func(u, for_ int) {
		if u != for_ {
			missing[u]++
			waiters[for_] = append(waiters[for_], u)
		}
	}
	last := make(map[string]int) // on each resource
	for i, op := range req.ops {
		for _, n := range op.needs {
			wait(of[i], of[n])
		}
		if key := op.resource(); key != "" {
			if before, ok := last[key]; ok {
				wait(of[i], of[before])
			}
			last[key] = i
		}
	}
	out := make([]unit, 0, len(units))
	reached := make([]bool, len(units))
	for i := range req.ops {
		u := of[i]
		if ops := units[u].ops; i != ops[len(ops)-1] {
			continue
		}
		if reached[u] = true; missing[u] > 0 {
			continue
		}
		for ready := []int{u}; len(ready) > 0; {
			done := ready[0]
			ready = ready[1:]
			out = append(out, units[done])
			for _, w := range waiters[done] {
				if missing[w]--; missing[w] == 0 && reached[w] {
					ready = append(ready, w)
				}
			}
		}
	}
	return out
}

// resource names the resource that an operation changes; empty for a create and for what is refused.
func (op *bulkOp) resource() string {
	switch {
	case op.err != nil || op.method == http.MethodPost:
		return ""
	case op.creator >= 0:
		return bulkPrefix + strconv.Itoa(op.creator)
	}
	return op.typ.Name + "/" + op.id
}

// units finds the circles: the strongly connected components of what needs what (Tarjan 1972). of is the unit
// of each operation.
func (req *bulkRequest) units() (units []unit, of []int) {
	of = make([]int, len(req.ops))
	index := make([]int, len(req.ops)) // in the order of the walk, from 1; 0: not met yet
	low := make([]int, len(req.ops))
	open := make([]bool, len(req.ops))
	var stack []int
	met := 0
	var walk func(i int)
	walk = func(i int) {
		met++
		index[i], low[i], open[i] = met, met, true
		stack = append(stack, i)
		circle := false
		for _, n := range req.ops[i].needs {
			switch {
			case index[n] == 0:
				walk(n)
				low[i] = min(low[i], low[n])
			case open[n]:
				low[i] = min(low[i], index[n])
			}
			circle = circle || n == i
		}
		if low[i] != index[i] {
			return
		}
		var u unit
		for n := -1; n != i; {
			n = stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			of[n], open[n] = len(units), false
			u.ops = append(u.ops, n)
		}
		slices.Sort(u.ops)
		u.circle = circle || len(u.ops) > 1
		units = append(units, u)
	}
	for i := range req.ops {
		if index[i] == 0 {
			walk(i)
		}
	}
	return units, of
}
