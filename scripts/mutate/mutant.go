package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// mutant is one small change: the bytes from start to end of a file become text.
type mutant struct {
	file   string
	target target
	// row and function say where it is, line is the source line as it stands.
	row      int
	function string
	line     string
	// operator is what was done, in words.
	operator   string
	start, end int
	old, text  string
	// id by which a test binary is told to be this mutant; from 1.
	id int
	fn *function
}

// function is one of a file, as the copies of it need it.
type function struct {
	start, end int
	// name and body are where its name ends, and its body begins.
	name, body int
	// call is how it is called by itself, with a space for what follows its name.
	before, after string
	results       bool
}

func (m mutant) place() string { return fmt.Sprintf("%s:%d", m.file, m.row) }

// collector gathers the mutants of one file.
type collector struct {
	fset   *token.FileSet
	source []byte
	lines  []string
	// named is the function being visited, fn the same as its copies need it, and
	// results are the result types of the innermost one.
	named   string
	fn      *function
	results []ast.Expr
	// post is the step of the last loop.
	post  ast.Node
	found []mutant
}

// mutate finds the mutants of a parsed file.
func mutate(fset *token.FileSet, file *ast.File, source []byte) []mutant {
	c := &collector{fset: fset, source: source, lines: strings.Split(string(source), "\n")}
	for _, decl := range file.Decls {
		if d, ok := decl.(*ast.FuncDecl); ok && d.Body != nil {
			c.named, c.fn = d.Name.Name, c.function(d)
			c.within(d.Type, d.Body)
		}
	}
	slices.SortStableFunc(c.found, func(a, b mutant) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end)) })
	return c.found
}

// function is what the copies of a function need to know about it.
func (c *collector) function(d *ast.FuncDecl) *function {
	f := &function{
		start: c.at(d.Pos()), end: c.at(d.End()), name: c.at(d.Name.End()), body: c.at(d.Body.Lbrace) + 1,
		results: d.Type.Results != nil,
	}
	if d.Recv != nil {
		f.before = d.Recv.List[0].Names[0].Name + "."
	}
	f.before += d.Name.Name
	var given []string
	for _, field := range d.Type.Params.List {
		_, many := field.Type.(*ast.Ellipsis)
		for _, name := range field.Names {
			given = append(given, name.Name+map[bool]string{true: "..."}[many])
		}
	}
	f.after = "(" + strings.Join(given, ", ") + ")"
	return f
}

// within visits the body of a function with its results known.
func (c *collector) within(t *ast.FuncType, body *ast.BlockStmt) {
	outer := c.results
	defer func() { c.results = outer }()
	c.results = nil
	if t.Results != nil {
		for _, field := range t.Results.List {
			for range max(1, len(field.Names)) {
				c.results = append(c.results, field.Type)
			}
		}
	}
	c.walk(body)
}

func (c *collector) walk(root ast.Node) {
	ast.Inspect(root, func(n ast.Node) bool {
		if n == nil {
			return false
		}
		switch n := n.(type) {
		case *ast.FuncLit:
			c.within(n.Type, n.Body)
			return false
		case *ast.ArrayType, *ast.FuncType, *ast.StructType:
			return false // the numbers in a type are no rule
		}
		c.statement(n)
		c.expression(n)
		return true
	})
}

func (c *collector) at(p token.Pos) int { return c.fset.Position(p).Offset }

func (c *collector) of(n ast.Node) string { return string(c.source[c.at(n.Pos()):c.at(n.End())]) }

// becomes adds the mutant in which a node reads otherwise.
func (c *collector) becomes(n ast.Node, operator, text string) {
	c.span(n.Pos(), n.End(), operator, text)
}

func (c *collector) span(from, to token.Pos, operator, text string) {
	start, end, row := c.at(from), c.at(to), c.fset.Position(from).Line
	if old := string(c.source[start:end]); old != text {
		c.found = append(c.found, mutant{
			row: row, function: c.named, fn: c.fn, line: strings.TrimSpace(c.lines[row-1]), operator: operator,
			start: start, end: end, old: old, text: text,
		})
	}
}
