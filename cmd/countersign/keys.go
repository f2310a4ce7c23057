package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

func newKeysCommand(p *process) *cobra.Command {
	cmd := noun("keys", "The key with which you sign what you approve", `
An approval that is signed with a key of yours can be proven to be yours, to
somebody who trusts neither the server nor its database. The key stays in its file;
only the public half is enrolled.`,
		`  countersign keys new approver.pem
  countersign keys enrol approver.pem --label laptop
  countersign changes approve 0198c600-1111-7222-8333-444455556666 --key approver.pem`)
	s := newSession(p, cmd)
	s.keysNew(cmd)
	s.keysEnrol(cmd)
	return cmd
}

func (s *session) keysNew(parent *cobra.Command) {
	s.add(parent, verb{
		use: "new FILE", short: "Make a key", min: 1, max: 1,
		long:    "An Ed25519 key in PEM (PKCS #8), which nobody but you can read. A file that is there is never overwritten.",
		example: "  countersign keys new approver.pem",
		run: func(_ context.Context, args []string) error {
			public, err := makeKey(args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(s.err, "the key is in %s; keep it to yourself. This is its public half. Next: countersign keys enrol %s\n", visible(args[0]), visible(args[0]))
			_, err = fmt.Fprint(s.out, public)
			return err
		},
	})
}

// makeKey writes a new key into a file of its own and returns its public half.
func makeKey(path string) (string, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("making a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", fmt.Errorf("writing a key: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return "", usage("%s is there already; a key is never overwritten", path)
	}
	if err != nil {
		return "", usage("%v", err)
	}
	_, err = file.Write(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return "", fmt.Errorf("writing %s: %w", path, err)
	}
	return publicHalf(private)
}

// publicHalf is what is enrolled, in PEM.
func publicHalf(private ed25519.PrivateKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		return "", fmt.Errorf("writing a public key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}

// maxKeyFile is far more than a key takes.
const maxKeyFile = 16 << 10

// readKey reads a key that nobody else can read.
func readKey(path string) (ed25519.PrivateKey, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, usage("%v", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, usage("%v", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, usage("%s can be read by others; whoever can, approves in your name. Put that right with: chmod 600 %s, or better make a new key", path, path)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile))
	if err != nil {
		return nil, usage("reading %s: %v", path, err)
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, usage("%s holds no key; make one with: countersign keys new FILE", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, usage("%s holds no Ed25519 key; make one with: countersign keys new FILE", path)
	}
	return private, nil
}

func (s *session) keysEnrol(parent *cobra.Command) {
	var label string
	var w *writing
	cmd := s.add(parent, verb{
		use: "enrol FILE", short: "Enrol your key, so that what it signs counts as yours", min: 1, max: 1,
		long:    "Sends the public half alone. Once the organization is sealed others have to approve it. A key is enrolled once; one that was revoked does not come back.",
		example: "  countersign keys enrol approver.pem --label laptop --as grace",
		run: func(ctx context.Context, args []string) error {
			private, err := readKey(args[0])
			if err != nil {
				return err
			}
			public, err := publicHalf(private)
			if err != nil {
				return err
			}
			me, err := s.api.GetMe(ctx)
			if err != nil {
				return err
			}
			k := client.CredentialCreate{Type: client.ApprovalKey, UserID: me.User.ID, Label: label, PublicKey: public}
			d := done[client.Credential]{what: "the key is enrolled"}
			return s.changeCredential(ctx, w, d, func(opts ...client.WriteOption) (*client.Outcome[client.Credential], error) {
				return s.api.CreateCredential(ctx, k, opts...)
			})
		},
	})
	cmd.Flags().StringVar(&label, "label", "", "what it shall be called, such as where it is kept")
	w = writes(cmd, false)
}
