package main

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// What is taken away stays in the text as something that never runs, so that a
// mutant compiles although it was the only use of a variable or an import.

func never(text string) string { return "(false && (" + text + "))" }

func always(text string) string { return "(true || (" + text + "))" }

// forced makes a condition hold always, and never.
func (c *collector) forced(e ast.Expr) {
	c.becomes(e, "condition always true", always(c.of(e)))
	c.becomes(e, "condition never true", never(c.of(e)))
}

// statement adds the mutants of a statement as a whole.
func (c *collector) statement(n ast.Node) {
	switch n := n.(type) {
	case *ast.IfStmt:
		c.forced(n.Cond)
	case *ast.ForStmt:
		if n.Cond != nil {
			c.becomes(n.Cond, "condition never true", never(c.of(n.Cond)))
		}
		c.post = n.Post
	case *ast.RangeStmt:
		c.span(n.Body.Lbrace, n.Body.Lbrace+1, "loop runs for nothing", "{ break; ")
		c.span(n.Body.Rbrace, n.Body.Rbrace+1, "loop ends after one", "; break }")
	case *ast.SwitchStmt:
		c.cases(n.Body, n.Tag == nil)
	case *ast.TypeSwitchStmt:
		c.cases(n.Body, false)
	case *ast.ExprStmt, *ast.IncDecStmt, *ast.DeferStmt, *ast.GoStmt, *ast.SendStmt:
		c.dropped(n)
	case *ast.BranchStmt:
		c.dropped(n)
		switch n.Tok {
		case token.BREAK:
			c.span(n.Pos(), n.Pos()+token.Pos(len("break")), "break and continue", "continue")
		case token.CONTINUE:
			c.span(n.Pos(), n.Pos()+token.Pos(len("continue")), "break and continue", "break")
		default: // goto and fallthrough have no counterpart
		}
	case *ast.AssignStmt:
		c.assignment(n)
	case *ast.ReturnStmt:
		c.returned(n)
	}
	if n, ok := n.(*ast.IncDecStmt); ok {
		turned := map[token.Token]string{token.INC: "--", token.DEC: "++"}
		c.span(n.TokPos, n.TokPos+2, "arithmetic", turned[n.Tok])
	}
}

func (c *collector) dropped(n ast.Node) {
	if n == c.post {
		return // no statement fits in its place
	}
	c.becomes(n, "statement dropped", "if false { "+c.of(n)+" }")
}

func (c *collector) assignment(n *ast.AssignStmt) {
	if n.Tok == token.DEFINE {
		return
	}
	if len(n.Lhs) != 1 || c.of(n.Lhs[0]) != "_" {
		c.dropped(n)
	}
	if turned, ok := map[token.Token]string{token.ADD_ASSIGN: "-=", token.SUB_ASSIGN: "+="}[n.Tok]; ok {
		c.span(n.TokPos, n.TokPos+2, "arithmetic", turned)
	}
}

// cases forces the conditions of a switch without a tag, and takes away the cases
// and the words of the others.
func (c *collector) cases(body *ast.BlockStmt, conditions bool) {
	for _, s := range body.List {
		clause, ok := s.(*ast.CaseClause)
		if !ok || clause.List == nil {
			continue
		}
		for i, e := range clause.List {
			switch {
			case conditions:
				c.forced(e)
			case len(clause.List) == 1:
				c.becomes(clause, "case removed", "")
			case i == 0:
				c.span(e.Pos(), clause.List[1].Pos(), "word of a case removed", "")
			default:
				c.span(clause.List[i-1].End(), e.End(), "word of a case removed", "")
			}
		}
	}
}

// returned makes a function return something else: the other truth, nothing, one
// more.
func (c *collector) returned(n *ast.ReturnStmt) {
	if len(n.Results) == 0 && len(c.results) == 0 {
		c.dropped(n)
	}
	if len(n.Results) != len(c.results) {
		return // bare, or one call for several results
	}
	for i, e := range n.Results {
		text, kind := c.of(e), c.of(c.results[i])
		switch {
		case text == "true" || text == "false":
			c.becomes(e, "return value", otherTruth(text))
		case kind == "bool":
			c.becomes(e, "return value", always(text))
			c.becomes(e, "return value", never(text))
		case slices.Contains([]string{"nil", "0", `""`}, text) || strings.HasSuffix(text, "{}"):
		default:
			c.becomes(e, "return value", "func() (zero "+kind+") { if false { return "+text+" }; return }()")
		}
		if kind == "int" || kind == "int64" {
			c.becomes(e, "return value", "("+text+") + 1")
		}
	}
}

func otherTruth(text string) string {
	if text == "true" {
		return "false"
	}
	return "true"
}

// expression adds the mutants of an expression.
func (c *collector) expression(n ast.Node) {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		c.binary(n)
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			c.becomes(n, "not taken away", c.of(n.X))
		}
	case *ast.BasicLit:
		if n.Kind == token.INT {
			c.becomes(n, "constant", "("+n.Value+" + 1)")
			c.becomes(n, "constant", "("+n.Value+" - 1)")
		}
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "min" || f.Name == "max") {
			c.becomes(f, "least and most", map[string]string{"min": "max", "max": "min"}[f.Name])
		}
	case *ast.CompositeLit:
		c.elements(n)
	case *ast.AssignStmt:
		c.truths(n.Rhs)
	case *ast.KeyValueExpr:
		c.truths([]ast.Expr{n.Value})
	}
	if n, ok := n.(*ast.CallExpr); ok {
		c.truths(n.Args)
	}
}

func (c *collector) truths(list []ast.Expr) {
	for _, e := range list {
		if id, ok := e.(*ast.Ident); ok && (id.Name == "true" || id.Name == "false") {
			c.becomes(id, "constant", otherTruth(id.Name))
		}
	}
}

func (c *collector) binary(n *ast.BinaryExpr) {
	operator := func(name, text string) {
		c.span(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), name, text)
	}
	switch n.Op {
	case token.LAND, token.LOR:
		neutral, other := always, "||"
		if n.Op == token.LOR {
			neutral, other = never, "&&"
		}
		operator("and for or", other)
		c.becomes(n.X, "part of a condition dropped", neutral(c.of(n.X)))
		c.becomes(n.Y, "part of a condition dropped", neutral(c.of(n.Y)))
	case token.EQL:
		operator("comparison turned", "!=")
	case token.NEQ:
		operator("comparison turned", "==")
	case token.LSS, token.GEQ, token.GTR, token.LEQ:
		turned := map[token.Token]string{token.LSS: ">=", token.GEQ: "<", token.GTR: "<=", token.LEQ: ">"}
		edge := map[token.Token]string{token.LSS: "<=", token.GEQ: ">", token.GTR: ">=", token.LEQ: "<"}
		operator("comparison turned", turned[n.Op])
		operator("boundary of a comparison", edge[n.Op])
	case token.ADD, token.SUB, token.MUL, token.QUO, token.REM:
		if !c.text(n.X) && !c.text(n.Y) {
			turned := map[token.Token]string{token.ADD: "-", token.SUB: "+", token.MUL: "/", token.QUO: "*", token.REM: "*"}
			operator("arithmetic", turned[n.Op])
		}
	default: // bits are not turned
	}
}

// text reports whether an expression is plainly a string.
func (c *collector) text(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Kind == token.STRING
	case *ast.BinaryExpr:
		return c.text(e.X) || c.text(e.Y)
	default:
		return false
	}
}

// elements takes the elements of a literal away, one at a time. What is written
// for people to read is no rule.
func (c *collector) elements(n *ast.CompositeLit) {
	for i, e := range n.Elts {
		name := "element of a list dropped"
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if name = "field left out"; c.of(kv.Key) == "Message" {
				continue
			}
		}
		to := n.Rbrace
		if i+1 < len(n.Elts) {
			to = n.Elts[i+1].Pos()
		}
		c.span(e.Pos(), to, name, "")
	}
}
