package countersign_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Whoever writes governed rows does it by the store's write methods, and those are
// called in internal/engine alone: by the ledger, which books what it writes, by the
// work, which records it, and by the recorder between them and the store. What may
// write at all is listed here (governance.md E4: one choke point).

// function is one of the product's, with what it calls.
type function struct {
	pkg, receiver, name string
	// calls are the names behind the dots: "l.w.tx.PutUser(...)" is tx.PutUser.
	calls []string
	// speaks are the qualified names it mentions: store.WriteTx.
	speaks []string
}

// functions of all that is no test.
func functions(t *testing.T) (out []function) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return openFolder(path, d, err)
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declared := range file.Decls {
			f := function{pkg: filepath.ToSlash(filepath.Dir(path))}
			if fn, is := declared.(*ast.FuncDecl); is {
				f.name, f.receiver = fn.Name.Name, receiverOf(fn)
			}
			ast.Inspect(declared, func(n ast.Node) bool {
				selector, is := n.(*ast.SelectorExpr)
				if !is {
					return true
				}
				switch x := selector.X.(type) {
				case *ast.Ident:
					f.speaks = append(f.speaks, x.Name+"."+selector.Sel.Name)
					f.calls = append(f.calls, x.Name+"."+selector.Sel.Name)
				case *ast.SelectorExpr:
					f.calls = append(f.calls, x.Sel.Name+"."+selector.Sel.Name)
				default:
					f.calls = append(f.calls, "."+selector.Sel.Name)
				}
				return true
			})
			out = append(out, f)
		}
		return nil
	})
	if err != nil || len(out) < 1000 {
		t.Fatalf("%d functions (%v)", len(out), err)
	}
	return out
}

func receiverOf(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return ""
	}
	at := fn.Recv.List[0].Type
	if star, is := at.(*ast.StarExpr); is {
		at = star.X
	}
	if name, is := at.(*ast.Ident); is {
		return name.Name
	}
	return ""
}

// writesOf are the write methods of the store's contract, by interface.
func writesOf(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, path := range []string{"internal/store/store.go", "internal/store/import.go", "internal/store/ticket.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, is := n.(*ast.TypeSpec)
			if !is {
				return true
			}
			contract, is := spec.Type.(*ast.InterfaceType)
			if !is || !strings.HasSuffix(spec.Name.Name, "Writes") {
				return true
			}
			for _, method := range contract.Methods.List {
				for _, name := range method.Names {
					out[spec.Name.Name] = append(out[spec.Name.Name], name.Name)
				}
			}
			return true
		})
	}
	return out
}

// writers says who in internal/engine may call the methods of a contract.
func writers() map[string][]string {
	ledger := []string{"ledger", "intake", "recorder"} // the intake is the ledger's hand for the rows of an import
	return map[string][]string{
		"UserWrites": ledger, "GroupWrites": ledger, "MembershipWrites": ledger, "CredentialWrites": ledger,
		"OrganizationWrites": {"ledger", "intake", "recorder", "work", "Engine"}, // numbers are allotted while a change is prepared
		"ChangeWrites":       {"work", "recorder"},
		"ImportWrites":       {"work"}, // which batch is done, beside the request that did it
		"AuditWrites":        {"work"},
		"IdempotencyWrites":  {"work", "Engine"},
	}
}

func TestOnlyTheEngineWritesAndOnlyByItsLedger(t *testing.T) {
	contracts := writesOf(t)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(writers())), slices.Sorted(maps.Keys(contracts))); diff != "" {
		t.Fatalf("the store's contract has other writes than this test knows of (-here +store)\n%s", diff)
	}
	seen := map[string]bool{}
	for _, f := range functions(t) {
		if strings.HasPrefix(f.pkg, "internal/store") || f.pkg == "internal/testdb" {
			continue // the contract itself, what fulfils it, and its test
		}
		for contract, methods := range contracts {
			for _, call := range f.calls {
				of, method, _ := strings.Cut(call, ".")
				if !slices.Contains(methods, method) || of == "wire" || of == "sync" {
					continue
				}
				seen[method] = true
				if f.pkg != "internal/engine" {
					t.Errorf("%s.%s calls %s: only internal/engine writes", f.pkg, f.name, call)
				} else if !slices.Contains(writers()[contract], f.receiver) {
					t.Errorf("engine: (%s) %s calls %s: %v may", f.receiver, f.name, call, writers()[contract])
				}
			}
		}
		if f.pkg != "internal/engine" && slices.Contains(f.speaks, "store.WriteTx") {
			t.Errorf("%s.%s has to do with a store.WriteTx", f.pkg, f.name)
		}
	}
	for contract, methods := range contracts {
		for _, method := range methods {
			if !seen[method] {
				t.Errorf("nobody calls %s.%s, so that this test shows nothing of it", contract, method)
			}
		}
	}
}

// The transactions that write are these, and these alone begin a mutation. Whoever
// adds one says here why it needs no other's rules.
func TestTheDoorsAreTheseAndNoOther(t *testing.T) {
	want := map[string][]string{
		// One mutation each, by the same steps (work.go); Tend tells of attempts that
		// were too many to have an entry each (docs/adr/0031).
		"mutate": {"Cancel", "Decide", "Expire", "Recover", "Redeem", "Replace", "Statement", "Submit", "SubmitPlanned", "Tend", "applyDue"},
		// The shared transaction of mutations; the refusal of one, kept for its key;
		// what is forgotten after a day; the end of a key whose request failed.
		"Write": {"Tend", "endKey", "rememberAlone", "transact"},
		"Found": {"Found"},
		// Tokens of an hour (docs/adr/0019).
		"WriteTickets": {"Tend", "Tickets"},
	}
	got := map[string][]string{}
	for _, f := range functions(t) {
		if f.pkg != "internal/engine" {
			continue
		}
		for method := range want {
			of := "store"
			if method == "mutate" {
				of = "e"
			}
			if slices.Contains(f.calls, of+"."+method) && !slices.Contains(got[method], f.name) {
				got[method] = append(got[method], f.name)
			}
		}
	}
	for method := range got {
		slices.Sort(got[method])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("who begins a transaction that writes (-want +got)\n%s", diff)
	}
}
