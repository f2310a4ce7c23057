package differ

// pair is an operation of the replaced request with the one that came in its
// place; -1 where there is none.
type pair struct{ was, is int }

// paired finds for each operation of the successor the one it came from. Those
// that ask for the very same belong together; of what is left those of one kind
// about one thing; of what is still left those of one kind,
// in their order. Pairs are in the order of the successor, then of what went.
func paired(was, is []Fields) ([]pair, error) {
	from := make([]int, len(is))
	for i := range from {
		from[i] = -1
	}
	taken := make([]bool, len(was))
	for _, form := range []func(Fields) (string, error){
		func(op Fields) (string, error) { return canonical(withKind(given(op), op)) },
		func(op Fields) (string, error) { return canonical(withKind(about(op), op)) },
		func(op Fields) (string, error) { return canonical(withKind(Fields{}, op)) },
	} {
		free := map[string][]int{}
		for j, op := range was {
			if taken[j] {
				continue
			}
			key, err := form(op)
			if err != nil {
				return nil, err
			}
			free[key] = append(free[key], j)
		}
		for i, op := range is {
			if from[i] >= 0 {
				continue
			}
			key, err := form(op)
			if err != nil {
				return nil, err
			}
			if list := free[key]; len(list) > 0 {
				from[i], taken[list[0]], free[key] = list[0], true, list[1:]
			}
		}
	}
	pairs := make([]pair, 0, len(is))
	for i, j := range from {
		pairs = append(pairs, pair{j, i})
	}
	for j := range was {
		if !taken[j] {
			pairs = append(pairs, pair{j, -1})
		}
	}
	return pairs, nil
}

func withKind(f, op Fields) Fields {
	f["kind"] = op["kind"]
	return f
}

// named are the fields by which operations say what they are about.
func named() []string {
	return []string{"user_id", "group_id", "membership_id", "credential_id", "permission"}
}

// about keeps of the fields somebody gave those that say what it is about.
func about(op Fields) Fields {
	all, out := given(op), Fields{}
	for _, name := range named() {
		if value, ok := all[name]; ok {
			out[name] = value
		}
	}
	return out
}

// renamed maps the ids that the replaced request was allotted to those of its
// successor.
func renamed(pairs []pair, was, is []Fields) map[string]string {
	out := map[string]string{}
	for _, p := range pairs {
		if p.was < 0 || p.is < 0 {
			continue
		}
		for _, name := range named() {
			old, fresh := text(was[p.was][name]), text(is[p.is][name])
			if _, asGiven := given(is[p.is])[name]; !asGiven && old != "" && fresh != "" {
				out[old] = fresh
			}
		}
	}
	return out
}
