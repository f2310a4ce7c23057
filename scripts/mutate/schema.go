package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// variable tells a test binary which mutant to be.
const variable = "COUNTERSIGN_MUTANT"

// A schema is the sources with every mutant in them: each function begins with a
// switch to its changed copies, of which the environment chooses one, or none. So
// a test binary is compiled and linked once, not a thousand times.

// schema writes the changed sources of some mutants into a folder, and the overlay
// that makes the compiler take them. It returns where in which file each copy is.
func schema(dir string, list []mutant) (overlay string, copies []span, err error) {
	root, err := os.Getwd()
	if err != nil {
		return "", nil, err
	}
	replace := map[string]string{}
	put := func(path string, text []byte) (string, error) {
		at := filepath.Join(dir, fmt.Sprint(len(replace), ".go"))
		replace[filepath.Join(root, path)] = at
		return at, os.WriteFile(at, text, 0o600)
	}
	byFile := map[string][]mutant{}
	var files []string
	for _, m := range list {
		if byFile[m.file] == nil {
			files = append(files, m.file)
		}
		byFile[m.file] = append(byFile[m.file], m)
	}
	chosen := map[string]bool{}
	for _, file := range files {
		text, spans, failure := written(file, byFile[file])
		at, wrong := put(file, text)
		err = errors.Join(err, failure, wrong)
		for _, c := range spans {
			c.file = at // the compiler complains of what it reads
			copies = append(copies, c)
		}
		if folder := filepath.Dir(file); !chosen[folder] {
			chosen[folder] = true
			_, wrong = put(filepath.Join(folder, "zz_mutant.go"), []byte("package "+filepath.Base(folder)+`

import (
	"os"
	"strconv"
)

var mutantChosen, _ = strconv.Atoi(os.Getenv("`+variable+`"))
`))
			err = errors.Join(err, wrong)
		}
	}
	text, failure := json.Marshal(map[string]any{"Replace": replace})
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, copies, errors.Join(err, failure, os.WriteFile(overlay, text, 0o600))
}

// span is the lines of a file that hold the copy of a function with a mutant in it.
type span struct {
	file     string
	from, to int
	id       int
}

// written is a file with its mutants.
func written(path string, list []mutant) (text []byte, copies []span, err error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	var out, after strings.Builder
	done := 0
	var functions []*function
	for _, m := range list {
		if !slices.Contains(functions, m.fn) {
			functions = append(functions, m.fn)
		}
	}
	slices.SortFunc(functions, func(a, b *function) int { return a.body - b.body })
	for _, f := range functions {
		out.Write(source[done:f.body])
		out.WriteString(" switch mutantChosen {")
		for _, m := range list {
			if m.fn == f {
				out.WriteString(f.called(m.id))
			}
		}
		out.WriteString(" };")
		done = f.body
	}
	out.Write(source[done:])
	row := strings.Count(out.String(), "\n") + 1
	for _, m := range list {
		copied := "\n\n" + string(source[m.fn.start:m.fn.name]) + suffix(m.id) + string(source[m.fn.name:m.start]) + m.text + string(source[m.end:m.fn.end]) + "\n"
		after.WriteString(copied)
		lines := strings.Count(copied, "\n")
		copies = append(copies, span{from: row, to: row + lines, id: m.id})
		row += lines
	}
	return []byte(out.String() + after.String()), copies, nil
}

func suffix(id int) string { return fmt.Sprint("_mutant", id) }

// called is the case in which a function goes on as one of its copies.
func (f *function) called(id int) string {
	call := f.before + suffix(id) + f.after
	if f.results {
		return fmt.Sprintf(" case %d: return %s;", id, call)
	}
	return fmt.Sprintf(" case %d: %s; return;", id, call)
}
