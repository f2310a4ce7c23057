package roster

import (
	"cmp"
	"slices"

	"github.com/countersign/countersign/internal/names"
)

// NameKind says whose name a text is, or would be.
type NameKind uint8

// The kinds of names. A name is compared with those of its kind only.
const (
	UserName NameKind = iota
	UserEmail
	GroupName
	nameKinds
)

// Naming is a text by which readers of a request know somebody or something.
type Naming struct {
	// Field is where in the request it stands.
	Field string
	Kind  NameKind
	Text  string
	// ID of whom it names; empty where that is yet to be created.
	ID string
}

// Lookalike is a name that could be taken for those of others (governance.md E12).
type Lookalike struct {
	Naming
	// Others have such names, by id, at most maxOthers of OthersTotal.
	Others      []Other
	OthersTotal int
}

// Other is somebody who is not deleted, or a living group.
type Other struct {
	ID string
	// Text is his name, or his email where emails were compared.
	Text string
	// Same is true where the names are the same, and not only look so.
	Same bool
}

// maxOthers is how many are named for one name.
const maxOthers = 3

// Lookalikes tells which of the names could be taken for those of others, in the
// order given. It looks at every name there is of the kinds asked for.
func (p *Picture) Lookalikes(namings []Naming) []Lookalike {
	found := make([]Lookalike, len(namings))
	var like [nameKinds]*likeness
	for i, n := range namings {
		found[i].Naming = n
		if like[n.Kind] == nil {
			like[n.Kind] = &likeness{}
		}
		like[n.Kind].add(i, n.fold())
	}
	if like[UserName] != nil || like[UserEmail] != nil {
		p.likeUsers(like[UserName].ready(), like[UserEmail].ready(), found)
	}
	if like[GroupName] != nil {
		p.likeGroups(like[GroupName].ready(), found)
	}
	return slices.DeleteFunc(found, func(l Lookalike) bool { return l.OthersTotal == 0 })
}

// likeness are the names of one kind with their places.
type likeness struct {
	*names.Likeness
	texts  []string
	places []int
}

func (l *likeness) add(place int, text string) {
	l.texts, l.places = append(l.texts, text), append(l.places, place)
}

func (l *likeness) ready() *likeness {
	if l != nil {
		l.Likeness = names.NewLikeness(l.texts)
	}
	return l
}

func (l *likeness) each(folded []byte, fn func(place int)) {
	if l == nil {
		return
	}
	for _, i := range l.Of(folded) {
		fn(l.places[i])
	}
}

func (p *Picture) likeUsers(byName, byEmail *likeness, found []Lookalike) {
	for n := range p.users.chunks() {
		c := p.users.chunk(n)
		for i := range uint32(userRows) {
			if livingStates&(1<<c.state(i)) == 0 {
				continue
			}
			byName.each(c.name(i), func(at int) { found[at].met(c.id[i].text(), c.rawName(i), c.name(i)) })
			byEmail.each(c.email(i), func(at int) { found[at].met(c.id[i].text(), c.rawEmail(i), c.email(i)) })
		}
	}
}

func (p *Picture) likeGroups(by *likeness, found []Lookalike) {
	for n := range p.groups.chunks() {
		c := p.groups.chunk(n)
		for i := range uint32(groupRows) {
			if state := c.state[i]; state != noRow && state != groupDeleted {
				by.each(c.name(i), func(at int) { found[at].met(c.id[i].text(), c.rawName(i), c.name(i)) })
			}
		}
	}
}

// met adds one who has a name like that, unless it is he himself.
func (l *Lookalike) met(id, text string, folded []byte) {
	if id == l.ID {
		return
	}
	l.OthersTotal++
	at, _ := slices.BinarySearchFunc(l.Others, id, func(o Other, id string) int { return cmp.Compare(o.ID, id) })
	l.Others = slices.Insert(l.Others, at, Other{id, text, l.fold() == string(folded)})
	l.Others = l.Others[:min(maxOthers, len(l.Others))]
}

func (n Naming) fold() string {
	if n.Kind == UserEmail {
		return names.FoldEmail(n.Text)
	}
	return names.Fold(n.Text)
}
