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
	// own is how its own tests are run, others those of packages that use it.
	own    suite
	others []suite
}

// suite is some tests of one package: those whose name matches run, or all.
type suite struct{ pkg, run string }

// fates are the tests of the engine that walk requests through their states; they
// need no database but SQLite.
const fates = "Approv|Vote|Veto|Delay|Fate|Policy|Polic|Duti|Exclu|Sign|Lock|Group|Right|Kind|Refus|Needs|Schedul"

func targets() []target {
	engine := suite{pkg: "./internal/engine", run: fates}
	stories := suite{pkg: "./internal/scenario"}
	return []target{
		{dir: "internal/access", own: suite{pkg: "./internal/access"}, others: []suite{engine, stories}},
		{dir: "internal/approval", own: suite{pkg: "./internal/approval"}, others: []suite{engine, stories}},
	}
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
