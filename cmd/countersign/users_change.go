package main

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

// changeUser finds the user, sends a write on him and tells what became of it. The
// words of what follow his name: "is suspended".
func (s *session) changeUser(ctx context.Context, ref string, w *writing, what string,
	send func(id client.UserID, opts []client.WriteOption) (*client.Outcome[client.User], error),
) error {
	id, err := s.user(ctx, ref)
	if err != nil {
		return err
	}
	var raw []byte
	opts, err := w.options(&raw)
	if err != nil {
		return err
	}
	out, err := send(id, opts)
	if err != nil {
		return err
	}
	return tell(ctx, s, done[client.User]{what: ref + " " + what, columns: userColumns()}, out, raw)
}

func (s *session) patchUser(ctx context.Context, ref string, w *writing, what string, patch client.UserPatch) error {
	return s.changeUser(ctx, ref, w, what, func(id client.UserID, opts []client.WriteOption) (*client.Outcome[client.User], error) {
		return s.api.UpdateUser(ctx, id, patch, opts...)
	})
}

func (s *session) usersUpdate(parent *cobra.Command) {
	var name, email, externalID, responsible string
	var allowed, profile []string
	var w *writing
	cmd := s.add(parent, verb{
		use: "update USER", short: "Change name, address, external id, allowed addresses or responsible person",
		long:    "Only what is given changes. " + userArgument,
		example: "  countersign users update settlement-bot --allowed-ips 192.0.2.0/24,2001:db8::/32", min: 1, max: 1,
		run: func(ctx context.Context, args []string) error {
			var patch client.UserPatch
			setString(s, "name", name, &patch.Name)
			setString(s, "email", email, &patch.Email)
			setString(s, "external-id", externalID, &patch.ExternalID)
			if s.given("allowed-ips") {
				patch.AllowedIPs = client.Value(append([]string{}, allowed...))
			}
			if s.given("responsible") {
				person, err := s.user(ctx, responsible)
				if err != nil {
					return err
				}
				patch.ResponsiblePersonID = client.Value(person)
			}
			if s.given("profile") {
				entries, err := profileEntries(profile)
				if err != nil {
					return err
				}
				patch.Profile = client.Value(entries)
			}
			if !s.anyGiven("name", "email", "external-id", "allowed-ips", "responsible", "profile") {
				return usage("give at least one of --name, --email, --external-id, --allowed-ips, --responsible, --profile")
			}
			return s.patchUser(ctx, args[0], w, "is updated", patch)
		},
	})
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "new name")
	flags.StringVar(&email, "email", "", "new address, of a person")
	flags.StringVar(&externalID, "external-id", "", "new external id, of an end user")
	flags.StringSliceVar(&allowed, "allowed-ips", nil, "`ADDRESSES` an API user may call from; \"\" means anywhere")
	flags.StringVar(&responsible, "responsible", "", "new `PERSON` responsible, of an API user or signer")
	flags.StringArrayVar(&profile, "profile", nil, "`NAME=VALUE` of an entry such as phone; an empty value takes it out; may be repeated")
	w = writes(cmd, true)
}

// profileEntries reads entries of a profile as people give them.
func profileEntries(given []string) (map[string]string, error) {
	entries := make(map[string]string, len(given))
	for _, entry := range given {
		name, value, found := strings.Cut(entry, "=")
		if !found || name == "" {
			return nil, usage("--profile takes NAME=VALUE, such as phone=5550100; %q is not that", entry)
		}
		entries[name] = value
	}
	return entries, nil
}

// profileText shows a profile in the form in which it is given.
func profileText(profile map[string]string) string {
	var entries []string
	for _, name := range slices.Sorted(maps.Keys(profile)) {
		entries = append(entries, name+"="+profile[name])
	}
	return strings.Join(entries, " ")
}

// setString takes a flag over into a patch, where it was given.
func setString(s *session, flag, value string, to *client.Optional[string]) {
	if s.given(flag) {
		*to = client.Value(value)
	}
}

func (s *session) anyGiven(flags ...string) bool {
	for _, name := range flags {
		if s.given(name) {
			return true
		}
	}
	return false
}

func (s *session) usersRole(parent *cobra.Command) {
	var w *writing
	cmd := s.add(parent, verb{
		use: "role USER ROLE", short: "Give another role", long: "ROLE is admin, trader, viewer or none. " + userArgument,
		example: "  countersign users role grace@northwind.example trader --reason 'joins the desk'", min: 2, max: 2,
		run: func(ctx context.Context, args []string) error {
			role := choice{allowed: []string{"admin", "trader", "viewer", "none"}}
			if err := role.Set(args[1]); err != nil {
				return usage("the role %s %v", args[1], err)
			}
			return s.patchUser(ctx, args[0], w, "has the role "+args[1], client.UserPatch{Role: client.Value(client.Role(args[1]))})
		},
	})
	w = writes(cmd, true)
}

// permissionArguments reads permissions as people give them: apart, or with commas.
func permissionArguments(args []string) []client.Permission {
	out := []client.Permission{}
	for _, arg := range args {
		for p := range strings.SplitSeq(arg, ",") {
			if p = strings.TrimSpace(p); p != "" {
				out = append(out, client.Permission(p))
			}
		}
	}
	return out
}

// submitOne submits a change of one operation, for what has no short form.
func (s *session) submitOne(ctx context.Context, op client.Operation, w *writing, what string) error {
	var raw []byte
	opts, err := w.options(&raw)
	if err != nil {
		return err
	}
	out, err := s.api.SubmitChange(ctx, client.ChangeSubmission{Operations: []client.Operation{op}}, opts...)
	if err != nil {
		return err
	}
	return s.tellChange(ctx, what, out, raw)
}

func (s *session) usersGrant(parent *cobra.Command) {
	var w *writing
	cmd := s.add(parent, verb{
		use: "grant USER PERMISSION...", short: "Add to a user's individual permissions", long: userArgument,
		example: "  countersign users grant grace@northwind.example vaults.create --reason 'covers for Linus'", min: 2, max: -1,
		run: func(ctx context.Context, args []string) error {
			id, err := s.user(ctx, args[0])
			if err != nil {
				return err
			}
			p := permissionArguments(args[1:])
			return s.submitOne(ctx, client.UserGrant{UserID: id, Permissions: p}, w, args[0]+" is granted "+joined(p))
		},
	})
	w = writes(cmd, true)
}

func (s *session) usersRevoke(parent *cobra.Command) {
	var w *writing
	cmd := s.add(parent, verb{
		use: "revoke USER PERMISSION...", short: "Take from a user's individual permissions",
		long:    "What he holds by role or through groups stays. " + userArgument,
		example: "  countersign users revoke grace@northwind.example vaults.create", min: 2, max: -1,
		run: func(ctx context.Context, args []string) error {
			id, err := s.user(ctx, args[0])
			if err != nil {
				return err
			}
			p := permissionArguments(args[1:])
			return s.submitOne(ctx, client.UserRevoke{UserID: id, Permissions: p}, w, args[0]+" lost "+joined(p))
		},
	})
	w = writes(cmd, true)
}

func (s *session) usersSetPermissions(parent *cobra.Command) {
	var none bool
	var w *writing
	cmd := s.add(parent, verb{
		use: "set-permissions USER PERMISSION...", short: "Replace a user's individual permissions",
		long:    "These are all from now on; --none takes all. " + userArgument,
		example: "  countersign users set-permissions settlement-bot users.read groups.read\n  countersign users set-permissions settlement-bot --none", min: 1, max: -1,
		run: func(ctx context.Context, args []string) error {
			p := permissionArguments(args[1:])
			if none == (len(p) > 0) {
				return usage("give the permissions, or --none to take all")
			}
			return s.patchUser(ctx, args[0], w, "has new permissions", client.UserPatch{Permissions: client.Value(p)})
		},
	})
	cmd.Flags().BoolVar(&none, "none", false, "no individual permissions")
	w = writes(cmd, true)
}

// usersActs are the verbs that take nothing but a user.
func (s *session) usersActs(parent *cobra.Command) {
	type act = func(context.Context, client.UserID, ...client.WriteOption) (*client.Outcome[client.User], error)
	for _, v := range []struct {
		name, short, long, what string
		act                     func() act
	}{
		{"suspend", "Suspend a user", "Takes every permission without forgetting any.", "is suspended", func() act { return s.api.SuspendUser }},
		{"reactivate", "End a suspension", "", "is active again", func() act { return s.api.ReactivateUser }},
		{"reset-device", "Revoke all credentials of a user, who then enrols anew", "Afterwards make an onboarding code for him.", "must enrol anew", func() act { return s.api.ResetDevice }},
		{"onboarding-code", "Make the code by which an invited or reset user enrols", `
It works once, for 24 hours, and is shown once. Hand it to the user, who redeems
it with: countersign credentials redeem`, "has a new onboarding code", func() act { return s.api.MakeOnboardingCode }},
	} {
		var w *writing
		cmd := s.add(parent, verb{
			use: v.name + " USER", short: v.short, long: strings.TrimSpace(v.long + "\n\n" + userArgument),
			example: "  countersign users " + v.name + " grace@northwind.example", min: 1, max: 1,
			run: func(ctx context.Context, args []string) error {
				return s.changeUser(ctx, args[0], w, v.what, func(id client.UserID, opts []client.WriteOption) (*client.Outcome[client.User], error) {
					return v.act()(ctx, id, opts...)
				})
			},
		})
		w = writes(cmd, true)
	}
}

func (s *session) usersDelete(parent *cobra.Command) {
	var w *writing
	cmd := s.add(parent, verb{
		use: "delete USER", short: "Delete a user", long: "His memberships and credentials end. There is no way back. " + userArgument,
		example: "  countersign users delete grace@northwind.example --reason 'left the company'", min: 1, max: 1,
		run: func(ctx context.Context, args []string) error {
			id, err := s.user(ctx, args[0])
			if err != nil {
				return err
			}
			return s.remove(ctx, w, args[0]+" is deleted", func(opts ...client.WriteOption) (*client.Outcome[client.Gone], error) {
				return s.api.DeleteUser(ctx, id, opts...)
			})
		},
	})
	w = writes(cmd, true)
}

// remove sends a deletion and tells what became of it.
func (s *session) remove(ctx context.Context, w *writing, what string, send func(...client.WriteOption) (*client.Outcome[client.Gone], error)) error {
	var raw []byte
	opts, err := w.options(&raw)
	if err != nil {
		return err
	}
	out, err := send(opts...)
	if err != nil {
		return err
	}
	return tell(ctx, s, done[client.Gone]{what: what}, out, raw)
}
