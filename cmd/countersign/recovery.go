package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

func newRecoveryCommand(p *process) *cobra.Command {
	cmd := noun("recovery", "The way in for an organization that has locked itself out", `
Recovery keys are kept offline by people who need no account. Enough of them
together can make somebody an admin, let an admin in again and replace the policy;
nothing else. A recovery always waits, and any admin can deny it meanwhile.

prepare and submit need no token. sign needs no network: carry the file to where
the key is, and the signature back.`,
		`  countersign recovery keys --need 2 bank=bank.pub notary=notary.pub > recovery.json
  countersign organization seal --recovery recovery.json
  countersign recovery prepare --organization 0198c5f0-0000-7000-8000-0000000000ff --let-in 0198c5f0-0000-7000-8000-000000000001 --reason 'all tokens are lost' request.json
  countersign recovery sign request.json --key bank.pem > bank.sig
  countersign recovery submit request.json bank.sig notary.sig`)
	s := newSession(p, cmd)
	s.recoveryShow(cmd)
	s.recoveryKeys(cmd)
	s.recoveryReplace(cmd)
	s.recoveryPrepare(cmd)
	s.recoverySign(cmd)
	s.recoverySubmit(cmd)
	return cmd
}

func recoveryKeyColumns() []column[client.NamedRecoveryKey] {
	type key = client.NamedRecoveryKey
	return []column[key]{
		{name: "name", cell: func(k key) string { return k.Name }},
		{name: "fingerprint", cell: func(k key) string { return k.Fingerprint }},
		{name: "public_key", cell: func(k key) string { return k.PublicKey }, full: true},
	}
}

func (s *session) recoveryShow(parent *cobra.Command) {
	s.add(parent, verb{
		use: "show", short: "Show the recovery keys, and the recovery that waits", example: "  countersign recovery show",
		run: func(ctx context.Context, _ []string) error {
			var raw []byte
			r, err := s.api.GetRecovery(ctx, s.reading(&raw)...)
			if err != nil {
				return err
			}
			if s.format() == asJSON {
				return s.printJSON(raw)
			}
			s.tellKeys(r)
			return printRows(s, recoveryKeyColumns(), r.Keys)
		},
	})
}

func (s *session) tellKeys(r *client.Recovery) {
	if len(r.Keys) == 0 {
		s.aside("no recovery keys: if the organization locks itself out, nobody can help\n")
		return
	}
	s.aside("%d of %d keys have to sign; a recovery waits %s, version %d\n", r.Need, len(r.Keys), time.Duration(r.DelaySeconds)*time.Second, r.Version)
	if r.OpenChange != "" {
		s.aside("a recovery waits: countersign changes show %s\n  stop it with: countersign changes deny %s\n", r.OpenChange, r.OpenChange)
	}
}

// recoveryKeys puts a set together out of the public halves of keys.
func (s *session) recoveryKeys(parent *cobra.Command) {
	var need int
	var delay string
	cmd := s.add(parent, verb{
		use: "keys NAME=FILE...", short: "Put a set of recovery keys together", min: 2, max: -1, required: []string{"need"},
		long:    "Out of the public halves that countersign keys new prints. NAME is what people call the key, such as where it is kept. It prints the set as JSON and sends nothing.",
		example: "  countersign keys new bank.pem > bank.pub\n  countersign recovery keys --need 2 bank=bank.pub notary=notary.pub > recovery.json",
		run: func(ctx context.Context, args []string) error {
			set := client.RecoverySet{Need: need}
			if delay != "" {
				seconds, err := parseLifetime("delay", delay)
				if err != nil {
					return err
				}
				set.DelaySeconds = seconds
			}
			for _, arg := range args {
				name, file, found := strings.Cut(arg, "=")
				if !found || name == "" {
					return usage("%s must be NAME=FILE, such as bank=bank.pub", arg)
				}
				text, err := s.readFile(ctx, file)
				if err != nil {
					return err
				}
				if strings.Contains(string(text), "PRIVATE KEY") {
					return usage("%s holds a private key, which stays where it is; give its public half", file)
				}
				set.Keys = append(set.Keys, client.RecoveryKey{Name: name, PublicKey: string(text)})
			}
			return s.printIndented(set)
		},
	})
	cmd.Flags().IntVar(&need, "need", 0, "how many of the keys have to sign, 2 at least")
	cmd.Flags().StringVar(&delay, "delay", "", "how long a recovery waits, such as 3d: a day to 30 (default 3d)")
}

func (s *session) printIndented(v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	_, err = fmt.Fprintln(s.out, string(text))
	return err
}

// recoverySetFrom reads a set as recovery keys prints it.
func (s *session) recoverySetFrom(ctx context.Context, file string) (client.RecoverySet, error) {
	var set client.RecoverySet
	return set, s.readStrictly(ctx, file, "a set of recovery keys, as countersign recovery keys prints it", &set)
}

// readStrictly reads one JSON document of ours.
func (s *session) readStrictly(ctx context.Context, file, what string, into any) error {
	text, err := s.readFile(ctx, file)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return usage("%s is not %s: %v", file, what, err)
	}
	if decoder.More() {
		return usage("%s: something follows what should be %s", file, what)
	}
	return nil
}

func (s *session) recoveryReplace(parent *cobra.Command) {
	var file string
	var w *writing
	cmd := s.add(parent, verb{
		use: "replace", short: "Replace the recovery keys", required: []string{"file"},
		long:    "It passes whatever a change of the policy passes, and ends a recovery that waits under the keys before.",
		example: "  countersign recovery replace -f recovery.json --reason 'the notary has moved'",
		run: func(ctx context.Context, _ []string) error {
			set, err := s.recoverySetFrom(ctx, file)
			if err != nil {
				return err
			}
			var raw []byte
			opts, err := w.options(&raw)
			if err != nil {
				return err
			}
			out, err := s.api.ReplaceRecovery(ctx, set, opts...)
			if err != nil {
				return err
			}
			return tell(ctx, s, done[client.Recovery]{what: "the recovery keys are replaced"}, out, raw)
		},
	})
	cmd.Flags().StringVarP(&file, "file", "f", "", "`FILE` with the set; - is standard input")
	w = writes(cmd, true)
}

func (s *session) policyDrill(parent *cobra.Command) {
	var w *writing
	cmd := s.add(parent, verb{
		use: "drill RULE", short: "Try whether the people of a rule can be reached", min: 1, max: 1,
		long: `
Asks what the rule asks, of the people it asks, and changes nothing. Once they have
approved, policy health tells when that was; it says so when a rule has had none
for 92 days. The default of the policy is called default.`,
		example: "  countersign policy drill default --reason 'third quarter'",
		run: func(ctx context.Context, args []string) error {
			var raw []byte
			opts, err := w.options(&raw)
			if err != nil {
				return err
			}
			out, err := s.api.RunDrill(ctx, args[0], opts...)
			if err != nil {
				return err
			}
			return tell(ctx, s, done[client.Change]{what: "a drill of rule " + args[0]}, out, raw)
		},
	})
	w = writes(cmd, false)
}
