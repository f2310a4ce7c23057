package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// target is a package whose rules are tried.
type target struct {
	dir string
	// files of it; all but its tests when none are named.
	files []string
	// run are the tests that have to notice; all when empty.
	run string
	// flags of the test binary: rapid keeps what fails in the tree unless told not to.
	flags []string
	// asked is true of what is tried only when it is asked for.
	asked bool
}

func (t target) pkg() string { return "./" + t.dir }

// targets are the packages whose directory contains a word, or, without one, those
// that must be tried.
func targets(word string) []target {
	rapid := []string{"-rapid.nofailfile", "-rapid.seed=1"} // and the same walk each time
	all := []target{
		{dir: "internal/access"},
		{dir: "internal/approval", flags: rapid},
		{
			// Its tests take seconds for each mutant where those of the others take a
			// hundredth of one.
			dir: "internal/engine", files: []string{"close.go", "duties.go", "lockout.go", "settle.go", "signed.go"}, asked: true, flags: rapid,
			run: "Approv|Vote|Veto|Delay|Fate|Polic|Duti|Exclu|Sign|Lock|Refus|Needs|Schedul|Violat|Replac|Cancel|Expir|Request",
		},
	}
	return slices.DeleteFunc(all, func(t target) bool {
		return !strings.Contains(t.dir, word) || word == "" && t.asked
	})
}

// mutantsOf finds every mutant of some targets, in the order of the sources. It
// runs at the root of the module.
func mutantsOf(list []target) ([]mutant, error) {
	var all []mutant
	for _, t := range list {
		paths, err := filepath.Glob(filepath.Join(t.dir, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			name := filepath.Base(path)
			if strings.HasSuffix(name, "_test.go") || (len(t.files) > 0 && !slices.Contains(t.files, name)) {
				continue
			}
			found, err := mutantsIn(path, t)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
	}
	for i := range all {
		all[i].id = i + 1
	}
	return all, nil
}

func mutantsIn(path string, t target) ([]mutant, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	found := mutate(fset, file, text)
	for i := range found {
		found[i].file, found[i].target = filepath.ToSlash(path), t
	}
	return found, nil
}
