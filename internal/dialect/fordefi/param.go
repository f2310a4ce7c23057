package fordefi

import "strconv"

// kind is what a value is read as.
type kind int

const (
	text kind = iota
	integer
	boolean
	identifier
	enumeration
	moment
)

// place says where a value stands; it is the first part of its location in an error.
type place string

const (
	inQuery  place = "query"
	inPath   place = "path"
	inHeader place = "header"
	inBody   place = "body"
)

// param is one value an operation takes: the parser reads it by this row, and the
// document describes it from the same.
type param struct {
	name  string
	in    place
	kind  kind
	about string
	// list values may be repeated, in a query as name=a&name=b.
	list     bool
	required bool
	// words are those of an enumeration.
	words []string
	// least and most bound an integer.
	least, most int64
	// shortest is the least length of a text in code points.
	shortest int
	// initial is the value where none is given, as it would be written; empty for none.
	initial string
}

// maxPage keeps numbers of pages within what every JSON reader can tell apart.
const maxPage = 1<<53 - 1

func words(name, about string, list ...string) param {
	return param{name: name, in: inQuery, kind: enumeration, list: true, words: list, about: about}
}

func texts(name, about string) param {
	return param{name: name, in: inQuery, kind: text, list: true, about: about}
}

func identifiers(name, about string) param {
	return param{name: name, in: inQuery, kind: identifier, list: true, about: about}
}

func flag(name, about string) param {
	return param{name: name, in: inQuery, kind: boolean, initial: "false", about: about}
}

// paging are the three parameters of every list; most is the largest page.
func paging(most int64) []param {
	return []param{
		{name: "page", in: inQuery, kind: integer, least: 1, most: maxPage, initial: "1", about: "The page number to fetch, from 1."},
		{name: "size", in: inQuery, kind: integer, least: 0, most: most, initial: "50", about: "The number of items per page."},
		flag("skip_count", "Allows the total not to be counted. It is exact all the same."),
	}
}

// pathID is the id in a path.
func pathID(of string) param {
	return param{name: "id", in: inPath, kind: identifier, required: true, about: "The id of the " + of + "."}
}

// profileHeader chooses the generation for one request.
const profileHeader = "countersign-fordefi-profile"

func profileParam() param {
	return param{
		name: profileHeader, in: inHeader, kind: enumeration, words: []string{string(Newest), string(Seed)},
		about: "Which generation of this API to answer in; the server's own default where it is absent.",
	}
}

// argument is a value that was read: the texts of a list or the one of a scalar,
// in canonical form.
type argument struct {
	texts  []string
	number int64
	yes    bool
}

// arguments are the values of one request by name; what was not given and has no
// initial value is not among them.
type arguments map[string]argument

func (a arguments) list(name string) []string { return a[name].texts }
func (a arguments) number(name string) int64  { return a[name].number }
func (a arguments) yes(name string) bool      { return a[name].yes }

func (a arguments) text(name string) string {
	if list := a[name].texts; len(list) > 0 {
		return list[0]
	}
	return ""
}

func (a arguments) given(name string) bool {
	_, ok := a[name]
	return ok
}

// page is the slice of a list that was asked for.
func (a arguments) page() (offset, limit int) {
	size := a.number("size")
	return int(min((a.number("page")-1)*size, 1<<40)), int(size)
}

// fault is one thing that is wrong with a request (contract section 2.1).
type fault struct {
	Loc  []any  `json:"loc"`
	Msg  string `json:"msg"`
	Type string `json:"type"`
}

// faults are all of them; they are answered together.
type faults []fault

func (f faults) Error() string {
	return "the request has " + strconv.Itoa(len(f)) + " faults, the first: " + f[0].Type + ": " + f[0].Msg
}

// at makes a fault of a parameter; index is its place in a list, or less than 0.
func (p param) at(index int, kind, msg string) fault {
	loc := []any{string(p.in), p.name}
	if index >= 0 {
		loc = append(loc, index)
	}
	return fault{Loc: loc, Msg: msg, Type: kind}
}
