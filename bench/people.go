package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
)

// Names from several scripts; the first are the most frequent. Lists of names are
// what makes the folding of texts and their order do the work of a real directory.
var (
	givenNames = []string{
		"Maria", "Anna", "Mohammed", "John", "Wei", "Olga", "José", "Fatima", "David", "Elena", "Michael", "Sofía", "Ahmed", "Ana", "Peter",
		"Zoë", "Søren", "Łukasz", "Chloé", "Jürgen", "Ingrid", "Yusuf", "Priya", "Ravi", "Aoife", "Niamh", "Björn", "Åsa", "Dmitri", "Željko",
		"Ольга", "Иван", "Мария", "Γιώργος", "Ελένη", "伟", "芳", "さくら", "健一", "지우", "민준", "أحمد", "فاطمة", "דוד", "Thảo", "Nguyệt", "Ọlá", "Chidi",
	}
	familyNames = []string{
		"Smith", "Müller", "García", "Nguyễn", "Wang", "Silva", "Ivanov", "Kowalski", "Rossi", "Jensen", "Khan", "Cohen", "Okafor", "Tanaka", "Kim",
		"O'Brien", "Núñez", "Dvořák", "Çelik", "Sjöström", "van den Berg", "de la Cruz", "Ångström", "Straße", "Lefèvre", "Popescu", "Țepeș",
		"Øvergård", "Wójcik", "Петров", "Сидорова", "Παπαδόπουλος", "李", "王", "田中", "佐藤", "김", "박", "الحسن", "לוי", "Abdurrahman", "Mensah",
	}
	mailDomains = []string{
		"northwind.example", "custody.example", "clearing.example", "treasury.example", "desk.example", "settle.example", "vault.example",
		"bücher.example", "zürich-bank.example", "ops.northwind.example", "eu.custody.example", "apac.clearing.example",
	}
	groupWords = []string{
		"Traders", "Settlement", "Treasury", "Compliance", "Operations", "Auditors", "Night shift", "Onboarding", "Risk", "Custody", "Prüfung",
		"Trésorerie", "Операции", "決済", "Reconciliation", "Support",
	}
	placeWords = []string{"Zürich", "London", "New York", "São Paulo", "Singapore", "Kraków", "東京", "Dubai", "Lagos", "Montréal", "Αθήνα", "Oslo"}
)

// pick prefers the first of a list, as names are spread in life.
func pick(list []string, x uint64) string {
	y := share(mix(x))
	return list[int(y*y*float64(len(list)))]
}

// person is a user's row as far as it is drawn.
type person struct {
	kind              countersign.UserType
	role              countersign.Role
	state             countersign.UserState
	name, email       string
	emailKey          string
	externalID        string
	permissions       string
	lastKeepAlive, at int64
}

// kind: in a thousand, 985 people, 10 API users, 2 signers and 3 end users.
func (s shape) kind(n int) countersign.UserType {
	switch x := s.draw(kindUser, n) % 1000; {
	case x < 985:
		return countersign.Person
	case x < 995:
		return countersign.APIUser
	case x < 997:
		return countersign.APISigner
	default:
		return countersign.EndUser
	}
}

func (s shape) joins(n int) bool { return s.kind(n).CanHoldMembership() }

// state: in a thousand, 940 active, 25 suspended, 15 not through yet, 20 deleted.
func (s shape) state(n int) countersign.UserState {
	switch x := s.draw(kindUser, n) >> 20 % 1000; {
	case x < 940:
		return countersign.UserActive
	case x < 965:
		return countersign.UserSuspended
	case x < 975:
		return countersign.UserOnboardingCode
	case x < 980:
		return countersign.UserOnboardingActivation
	default:
		return countersign.UserDeleted
	}
}

// role: in a hundred, one admin, 19 traders, 30 viewers, and 50 with none.
func (s shape) role(n int) countersign.Role {
	if !s.joins(n) {
		return countersign.NoRole
	}
	switch x := s.draw(kindUser, n) >> 40 % 100; {
	case x < 1 && s.kind(n) == countersign.Person:
		return countersign.RoleAdmin
	case x < 20:
		return countersign.RoleTrader
	case x < 50:
		return countersign.RoleViewer
	default:
		return countersign.RoleNone
	}
}

func (s shape) person(n int) person {
	x := s.draw(kindName, n)
	given, family := pick(givenNames, x), pick(familyNames, x>>16)
	p := person{
		kind: s.kind(n), role: s.role(n), state: s.state(n), name: given + " " + family, permissions: "[]",
		at: madeAt(n),
	}
	switch {
	case p.kind == countersign.EndUser:
		p.externalID = "customer-" + strconv.Itoa(n)
		return p
	case p.kind == countersign.APISigner:
		p.lastKeepAlive = p.at + int64(x%1_000_000_000)
		return p
	case p.kind == countersign.APIUser:
		p.name = "service " + strconv.Itoa(n) + " of " + family
		return p
	case x%3 == 0: // three of a kind are told apart by a letter, some are not
		p.name = given + " " + string(rune('A'+x>>32%26)) + ". " + family
	}
	p.email = address(given, family, n) + "@" + pick(mailDomains, x>>40)
	p.emailKey = names.FoldEmail(p.email)
	if x%500 == 7 {
		p.permissions = `["` + s.permission(int(x>>24)%s.permissions()) + `"]`
	}
	return p
}

// address is the local part: letters that mail knows, and a number that makes it
// the only one.
func address(given, family string, n int) string {
	ascii := func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
			return r
		default:
			return -1
		}
	}
	local := strings.Trim(strings.Map(ascii, given)+"."+strings.Map(ascii, family), ".")
	if local == "" {
		local = "user"
	}
	return local + "." + strconv.FormatInt(int64(n), 36)
}

// groupName is unique by its number.
func (s shape) groupName(n int) string {
	if n == s.Groups {
		return "Everybody"
	}
	x := s.draw(kindGroup, n)
	return fmt.Sprintf("%s %s %d", pick(groupWords, x), pick(placeWords, x>>16), n)
}
