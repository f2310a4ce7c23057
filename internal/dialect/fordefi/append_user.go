package fordefi

import (
	"net/netip"

	"github.com/countersign/countersign"
)

// user appends one row of the union of section 1.5.
func (a *answer) user(u *countersign.UserView) error {
	role, state, _ := a.shown(u.Type, u.Role, u.State)
	a.raw("{")
	a.word("id", string(u.ID))
	a.time("created_at", u.CreatedAt)
	a.time("modified_at", u.ModifiedAt)
	a.word("user_type", string(u.Type))
	if u.Name != "" || u.Type != countersign.Person {
		a.text("name", u.Name)
	}
	var err error
	switch u.Type {
	case countersign.Person:
		a.text("email", u.Email)
		a.word("state", a.profile.stateWord(state))
		err = a.person(u, role)
	case countersign.APIUser:
		a.word("state", string(state))
		a.word("role", string(role))
		a.groupsOf(u)
		if a.profile != Seed {
			a.allowed(u.AllowedIPs)
			a.time("last_active_at", u.LastActiveAt)
		}
	default: // a signer
		a.word("state", a.profile.stateWord(state))
		a.time("last_keep_alive_at", u.LastKeepAliveAt)
	}
	a.raw("}")
	return err
}

// person appends what only people have.
func (a *answer) person(u *countersign.UserView, role countersign.Role) error {
	if a.profile == Seed {
		// Required there; nothing is kept of such a screen, so it is the earliest
		// moment at which he could have seen it.
		a.time("welcome_message_acknowledged_at", u.CreatedAt)
		a.flag("is_new_device_provisioning", u.State == countersign.UserResetDeviceCode || u.State == countersign.UserResetDeviceActivation)
	} else {
		a.member("acknowledged_banners")
		a.raw("[]")
	}
	a.word("role", string(role))
	a.groupsOf(u)
	if u.PendingRole == countersign.RoleAdmin || u.PendingRole == countersign.RoleTrader {
		a.member("pending_change")
		a.raw("{")
		a.word("new_role", string(u.PendingRole))
		a.word("change_request_id", string(u.PendingRoleChange))
		a.raw("}")
	}
	if a.profile == Seed {
		return nil
	}
	if err := a.mention("invited_by", u.InvitedBy, false); err != nil {
		return err
	}
	if u.State == countersign.UserResetDeviceCode || u.State == countersign.UserResetDeviceActivation {
		if err := a.mention("device_reset_by", u.DeviceResetBy, false); err != nil {
			return err
		}
	}
	if u.State == countersign.UserPendingApproval {
		return a.approval(u.PendingChange)
	}
	return nil
}

// groupsOf appends the three arrays of groups. One that is to be left stands in
// two of them: its member is effective until the approval.
func (a *answer) groupsOf(u *countersign.UserView) {
	a.groupArray(u.Groups, "user_groups", true, func(s countersign.MembershipState) bool {
		return s == countersign.MembershipActive || s == countersign.MembershipPendingRemoval
	})
	a.groupArray(u.Groups, "pending_addition_to_user_groups", false, func(s countersign.MembershipState) bool {
		return s == countersign.MembershipPendingAddition
	})
	a.groupArray(u.Groups, "pending_removal_from_user_groups", false, func(s countersign.MembershipState) bool {
		return s == countersign.MembershipPendingRemoval
	})
}

func (a *answer) groupArray(groups []countersign.GroupRef, name string, always bool, fits func(countersign.MembershipState) bool) {
	open := false
	for i := range groups {
		g := &groups[i]
		// A group that is not there yet is not shown (product.md section 4).
		if !fits(g.Membership) || g.State == countersign.GroupPendingApproval {
			continue
		}
		if !open {
			a.member(name)
			a.raw("[")
			open = true
		}
		a.comma()
		a.raw("{")
		a.word("id", string(g.ID))
		a.text("name", g.Name)
		a.number("users_count", g.UsersCount)
		if a.profile != Seed {
			a.number("admins_count", g.RoleAdminsCount)
		}
		a.word("state", string(g.State))
		a.raw("}")
	}
	switch {
	case open:
		a.raw("]")
	case always:
		a.member(name)
		a.raw("[]")
	}
}

// allowed appends from where an account may call.
func (a *answer) allowed(list []string) {
	a.member("allowed_ip_settings")
	if len(list) == 0 {
		a.raw(`{"allow_type":"allow_all"}`)
		return
	}
	a.raw(`{"allow_type":"ip_list","ip_list":[`)
	for _, s := range list {
		a.comma()
		a.quoted(address(s))
	}
	a.raw("]}")
}

// address writes a prefix of a single address without its length.
func address(s string) string {
	if prefix, err := netip.ParsePrefix(s); err == nil && prefix.IsSingleIP() {
		return prefix.Addr().String()
	}
	return s
}

// approval appends the request that would create a person (contract section 5.1).
// Every clause must be met, and the requester is never among those asked.
func (a *answer) approval(id countersign.ChangeID) error {
	asked, ok := a.look.Asked(id)
	if !ok {
		return nil
	}
	a.member("approval_request")
	a.raw("{")
	if asked.Reachable {
		a.word("state", "created")
	} else {
		a.word("state", "insufficient_approvers")
	}
	a.number("required_groups", len(asked.Clauses))
	a.member("approval_groups")
	a.raw("[")
	for _, clause := range asked.Clauses {
		a.comma()
		a.raw("{")
		a.number("quorum_size", clause.Need)
		a.member("approvers")
		a.raw("[")
		for _, p := range clause.People {
			u, err := a.look.Brief(p.ID)
			if err != nil {
				return err
			}
			if u == nil {
				continue
			}
			a.comma()
			a.raw("{")
			a.member("user")
			a.reference(u)
			at, state := p.At, "pending"
			if at.IsZero() {
				at = asked.CreatedAt
			}
			switch {
			case !p.Eligible:
				state = "unauthorized"
			case p.Approved:
				state = "approved"
			}
			a.time("modified_at", at)
			a.word("state", state)
			a.raw("}")
		}
		a.raw("]}")
	}
	a.raw("]}")
	return nil
}
