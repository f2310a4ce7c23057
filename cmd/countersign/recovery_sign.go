package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/secret"
	"github.com/countersign/countersign/internal/statement"
)

// recoveryFile is a recovery on its way to those who sign it.
type recoveryFile struct {
	OrganizationID string            `json:"organization_id"`
	Operations     []json.RawMessage `json:"operations"`
	Reason         string            `json:"reason"`
	Statement      string            `json:"statement"`
}

func (f recoveryFile) request() client.RecoveryRequest {
	r := client.RecoveryRequest{OrganizationID: f.OrganizationID, Reason: f.Reason}
	for _, raw := range f.Operations {
		r.Operations = append(r.Operations, client.RawOperation(raw))
	}
	return r
}

// check holds the statement to the rest of the file: what is signed is what is
// shown, whatever the server has put into it.
func (f recoveryFile) check() (statement.Recovery, error) {
	said, err := statement.ParseRecovery([]byte(f.Statement))
	if err != nil {
		return said, fmt.Errorf("nothing was signed: what the server wants signed %w", err)
	}
	ops := make([]countersign.Change, len(f.Operations))
	for i, raw := range f.Operations {
		if ops[i], err = engine.DecodeChange(raw); err != nil {
			return said, fmt.Errorf("nothing was signed: operation %d: %w", i, err)
		}
	}
	want := said
	want.V, want.Purpose, want.Organization = statement.Version, statement.RecoveryPurpose, f.OrganizationID
	if want.Request, err = statement.RequestDigest(ops, f.Reason); err != nil {
		return said, fmt.Errorf("nothing was signed: %w", err)
	}
	if member := said.Differs(want); member != "" {
		return said, fmt.Errorf("nothing was signed: the statement is about something else, its %s is not that of what is shown", member)
	}
	return said, nil
}

const aRecoveryFile = "a recovery, as countersign recovery prepare writes it"

// preparing are the flags of what a recovery shall do.
type preparing struct {
	organization, reason, policy    string
	invite, letIn, promote, demoted []string
	thaw                            bool
}

func (s *session) recoveryPrepare(parent *cobra.Command) {
	var f preparing
	cmd := s.add(parent, verb{
		use: "prepare FILE", short: "Write down what a recovery shall do, ready to be signed", min: 1, max: 1, required: []string{"organization", "reason"},
		long: `
Gets the statement that recovery keys sign from the server, which needs no token,
and writes it into FILE with all it is about. For everybody who is invited or let in
it makes a one-use code and prints it: keep the codes to yourself until the recovery
is carried out; they work for 24 hours from then on (countersign credentials redeem).`,
		example: `  countersign recovery prepare --organization 0198c5f0-0000-7000-8000-0000000000ff \
    --invite 'Barbara Liskov <barbara@northwind.example>' --reason 'all tokens are lost' request.json`,
		run: func(ctx context.Context, args []string) error { return s.prepare(ctx, f, args[0]) },
	})
	flags := cmd.Flags()
	flags.StringVar(&f.organization, "organization", "", "`ID` of the organization")
	flags.StringVar(&f.reason, "reason", "", "why; whoever could object reads it")
	flags.StringArrayVar(&f.invite, "invite", nil, "invite an admin, `'NAME <EMAIL>'`, with a code; may be repeated")
	flags.StringArrayVar(&f.letIn, "let-in", nil, "let an admin in again, by user `ID`, with a code; may be repeated")
	flags.StringArrayVar(&f.promote, "promote", nil, "make a person an admin, by user `ID`; may be repeated")
	flags.StringArrayVar(&f.demoted, "demote", nil, "make an admin a viewer, by user `ID`; may be repeated")
	flags.StringVar(&f.policy, "policy", "", "`FILE` with a policy to put")
	flags.BoolVar(&f.thaw, "thaw", false, "end a freeze, without which no code can be redeemed")
}

func (s *session) prepare(ctx context.Context, f preparing, path string) error {
	ops, codes, err := s.recoveryOperations(ctx, f)
	if err != nil {
		return err
	}
	asked := client.RecoveryRequest{OrganizationID: strings.ToLower(f.organization), Operations: ops, Reason: f.reason}
	made, err := s.api.MakeRecoveryStatement(ctx, asked)
	if err != nil {
		return err
	}
	file := recoveryFile{OrganizationID: asked.OrganizationID, Reason: f.reason, Statement: made.Statement}
	for _, op := range ops {
		raw, err := json.Marshal(client.SubmittedOperation{Kind: op.Kind(), Fields: fieldsOf(op)})
		if err != nil {
			return fmt.Errorf("writing an operation: %w", err)
		}
		file.Operations = append(file.Operations, raw)
	}
	if _, err := file.check(); err != nil {
		return err
	}
	if err := writeNew(path, file); err != nil {
		return err
	}
	s.aside("%s is ready; it can be signed and sent until %s\n  next: countersign recovery sign %s --key FILE > SIGNATURE, by as many as the organization asks\n",
		visible(path), when(made.ExpiresAt), visible(path))
	if len(codes) == 0 {
		return nil
	}
	fmt.Fprintln(s.err, "These codes are shown once. Whoever has one becomes the admin it is for, once the recovery is carried out.")
	return printRows(s, []column[madeCode]{
		{name: "for", cell: func(c madeCode) string { return c.who }}, {name: "code", cell: func(c madeCode) string { return c.code }},
	}, codes)
}

// madeCode is an enrolment code that the server never sees before it is redeemed.
type madeCode struct{ who, code string }

// recoveryOperations are what the flags ask for.
func (s *session) recoveryOperations(ctx context.Context, f preparing) (ops []client.Operation, codes []madeCode, err error) {
	letIn := func(who string, id client.UserID) error {
		code, err := secret.Make(rand.Reader, "", countersign.Credential{Type: countersign.EnrolmentCode}, countersign.Person, time.Time{})
		codes = append(codes, madeCode{who, code})
		ops = append(ops, client.RecoveryAccess{UserID: id, CodeHash: hex.EncodeToString(secret.Hash(code))})
		return err
	}
	role := func(list []string, role client.Role) error {
		for _, ref := range list {
			id, err := objectID[client.UserID]("user", ref)
			if err != nil {
				return err
			}
			ops = append(ops, client.UserChangeRole{UserID: id, Role: role})
		}
		return nil
	}
	for _, text := range f.invite {
		name, rest, found := strings.Cut(text, "<")
		email, _, closed := strings.Cut(rest, ">")
		if !found || !closed {
			return nil, nil, usage("--invite %s must be 'NAME <EMAIL>'", text)
		}
		ops = append(ops, client.UserInvite{Name: strings.TrimSpace(name), Email: strings.TrimSpace(email), Role: client.RoleAdmin})
		if err := letIn(text, client.PrecedingUser); err != nil {
			return nil, nil, err
		}
	}
	if err := errors.Join(role(f.promote, client.RoleAdmin), role(f.demoted, client.RoleViewer)); err != nil {
		return nil, nil, err
	}
	for _, ref := range f.letIn {
		id, err := objectID[client.UserID]("user", ref)
		if err == nil {
			err = letIn(ref, id)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if f.policy != "" {
		p, err := s.policyFrom(ctx, f.policy)
		if err != nil {
			return nil, nil, err
		}
		ops = append(ops, client.PolicyPut{Policy: p})
	}
	if f.thaw {
		ops = append(ops, client.OrganizationThaw{})
	}
	if len(ops) == 0 {
		return nil, nil, usage("a recovery that does nothing: give --invite, --let-in, --promote, --demote, --policy or --thaw")
	}
	return ops, codes, nil
}

// fieldsOf are the members of an operation but its kind.
func fieldsOf(op client.Operation) map[string]json.RawMessage {
	fields := map[string]json.RawMessage{}
	raw, err := json.Marshal(op)
	if err == nil {
		err = json.Unmarshal(raw, &fields)
	}
	if err != nil {
		return nil // our own structs are objects
	}
	return fields
}

// writeNew writes a file that is not there yet.
func writeNew(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return usage("%s is there already; give another name", path)
	}
	if err != nil {
		return usage("%v", err)
	}
	_, err = file.Write(append(text, '\n'))
	return errors.Join(err, file.Close())
}

func (s *session) recoverySign(parent *cobra.Command) {
	var keyFile string
	var confirmed bool
	cmd := s.add(parent, verb{
		use: "sign FILE", short: "Sign a recovery with a recovery key", min: 1, max: 1, required: []string{"key"},
		long: `
Shows what the recovery would do, computes the digest of it by itself, and signs it
only where the statement is about exactly that. Needs no network. Prints the
signature, which goes back to whoever submits the recovery.`,
		example: "  countersign recovery sign request.json --key bank.pem > bank.sig",
		run: func(ctx context.Context, args []string) error {
			var file recoveryFile
			if err := s.readStrictly(ctx, args[0], aRecoveryFile, &file); err != nil {
				return err
			}
			private, err := readKey(keyFile)
			if err != nil {
				return err
			}
			said, err := file.check()
			if err != nil {
				return err
			}
			s.showRecovery(file, said)
			if !confirmed {
				if err := s.ask(ctx, "Sign this recovery?", "recovery sign "+args[0]+" --key "+keyFile+" --yes"); err != nil {
					return err
				}
			}
			public, err := publicHalf(private)
			if err != nil {
				return err
			}
			mark, err := statement.Fingerprint(public)
			if err != nil {
				return fmt.Errorf("naming the key: %w", err)
			}
			return s.printIndented(client.RecoverySignature{Key: mark, Signature: statement.SignRecovery(private, []byte(file.Statement))})
		},
	})
	cmd.Flags().StringVar(&keyFile, "key", "", "`FILE` with the recovery key, as countersign keys new makes it")
	cmd.Flags().BoolVarP(&confirmed, "yes", "y", false, "do not ask")
}

// showRecovery tells a signer what he is asked to sign.
func (s *session) showRecovery(file recoveryFile, said statement.Recovery) {
	fmt.Fprintf(s.err, "recovery of organization %s\n  because: %s\n  prepared: %s, at entry %d of its log\n", visible(file.OrganizationID), visible(file.Reason), said.IssuedAt, said.Seen.Size)
	for _, raw := range file.Operations {
		var op client.SubmittedOperation
		if json.Unmarshal(raw, &op) != nil {
			continue // check has read it
		}
		fields, err := json.Marshal(op.Fields)
		if err != nil {
			continue
		}
		fmt.Fprintf(s.err, "  would do: %s %s\n", visible(op.Kind), visible(string(fields)))
	}
}

func (s *session) recoverySubmit(parent *cobra.Command) {
	s.add(parent, verb{
		use: "submit FILE SIGNATURE...", short: "Open a recovery with the signatures of enough recovery keys", min: 2, max: -1,
		long: `
Needs no token. The recovery then waits, and any admin can deny it meanwhile. Sent
again it tells how it stands, and is carried out if it is due.`,
		example: "  countersign recovery submit request.json bank.sig notary.sig",
		run: func(ctx context.Context, args []string) error {
			var file recoveryFile
			if err := s.readStrictly(ctx, args[0], aRecoveryFile, &file); err != nil {
				return err
			}
			signed := client.RecoveryAct{Statement: file.Statement}
			for _, path := range args[1:] {
				var one client.RecoverySignature
				if err := s.readStrictly(ctx, path, "a signature, as countersign recovery sign prints it", &one); err != nil {
					return err
				}
				signed.Signatures = append(signed.Signatures, one)
			}
			slices.SortFunc(signed.Signatures, func(a, b client.RecoverySignature) int { return cmp.Compare(a.Key, b.Key) })
			var raw []byte
			opened, err := s.api.OpenRecovery(ctx, file.request(), signed, client.KeepBody(&raw))
			if err != nil {
				return err
			}
			if s.format() == asJSON {
				return s.printJSON(raw)
			}
			s.aside("recovery %s is %s\n", opened.ChangeID, opened.State)
			if !opened.DueAt.IsZero() {
				s.aside("  carried out at %s, unless an admin denies it; send it again then to see\n", when(opened.DueAt))
			}
			return nil
		},
	})
}
