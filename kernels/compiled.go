package kernels

import (
	"errors"
	"slices"

	"github.com/squadron-edge/squadron/kernels/ir"
)

// maxCompiled is how many signatures a session keeps ready: a few batch or
// picture sizes take turns, and each holds an arena.
const maxCompiled = 8

// program is a compiled plan and the signature that it serves.
type program struct {
	signature string
	plan      *ir.Plan
	ir.Program
}

// compiled keeps the programs used last, latest first.
type compiled struct{ programs []program }

// use finds a program and moves it to the front.
func (c *compiled) use(signature string) (program, bool) {
	i := slices.IndexFunc(c.programs, func(p program) bool { return p.signature == signature })
	if i < 0 {
		return program{}, false
	}
	p := c.programs[i]
	copy(c.programs[1:i+1], c.programs[:i])
	c.programs[0] = p
	return p, true
}

// add puts a program in front and closes the one not used for longest, if
// there are too many.
func (c *compiled) add(p program) error {
	c.programs = slices.Insert(c.programs, 0, p)
	if len(c.programs) <= maxCompiled {
		return nil
	}
	last := c.programs[maxCompiled]
	c.programs = slices.Delete(c.programs, maxCompiled, maxCompiled+1)
	return last.Close()
}

func (c *compiled) close() error {
	var errs []error
	for _, p := range c.programs {
		errs = append(errs, p.Close())
	}
	c.programs = nil
	return errors.Join(errs...)
}
