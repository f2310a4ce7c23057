package roster

import "github.com/countersign/countersign"

// lens is how an API sees the classes of users: with which role and state, and
// whether at all. Nil sees them as they are.
type lens struct {
	roles, states [classes]uint8
	hidden        [classes]bool
}

func newLens(shown countersign.UserShown) *lens {
	if shown == nil {
		return nil
	}
	l := &lens{}
	for kind, kindWord := range userTypes {
		for role, roleWord := range userRoles {
			for state, stateWord := range userStates {
				k := classOf(uint8(kind), uint8(role), uint8(state)) % classes
				asRole, asState, visible := shown(kindWord, roleWord, stateWord)
				seenRole, errRole := code(userRoles, asRole)
				seenState, errState := code(userStates, asState)
				l.roles[k], l.states[k] = seenRole, seenState
				l.hidden[k] = !visible || errRole != nil || errState != nil
			}
		}
	}
	return l
}

func (l *lens) role(k class) uint8 {
	if l == nil {
		return k.role()
	}
	return l.roles[k%classes]
}

func (l *lens) state(k class) uint8 {
	if l == nil {
		return k.state()
	}
	return l.states[k%classes]
}

func (l *lens) hides(k class) bool { return l != nil && l.hidden[k%classes] }
