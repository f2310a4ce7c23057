package audit

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Keeper signs checkpoints. Its key and the last checkpoint it signed for each
// log lie in files outside the database, so that whoever restores or edits the
// database cannot also make a signature that hides it: a checkpoint that does
// not extend the last signed one is refused (governance.md C.3).
type Keeper struct {
	signer   note.Signer
	verifier note.Verifier
	// dir holds one file per log, the last signed checkpoint.
	dir string
	// mu orders read, compare and write of those files.
	mu sync.Mutex
}

// ErrForked is returned when the log is not an extension of what was signed.
var ErrForked = errors.New("the log is not an extension of the last signed checkpoint: the database may have been restored or edited")

// keyMode keeps the key from other users of the machine.
const keyMode = 0o600

// OpenKeeper reads the signing key at path, or makes one there, mode 0600.
// Checkpoints are kept in path+".checkpoints".
func OpenKeeper(path string) (*Keeper, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if errors.Is(err, fs.ErrNotExist) {
		text, err = makeKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the log key: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("opening the log key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("the log key %s is readable by others; run: chmod 600 %s", path, path)
	}
	skey, vkey, ok := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if !ok {
		return nil, fmt.Errorf("the log key %s must hold a signing key and a verifier key, one a line", path)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, fmt.Errorf("reading the log key: %w", err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("reading the log key: %w", err)
	}
	k := &Keeper{signer: signer, verifier: verifier, dir: path + ".checkpoints"}
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the log key: %w", err)
	}
	return k, nil
}

func makeKey(path string) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	id := make([]byte, 4)
	if _, err := rand.Read(id); err != nil {
		return nil, err
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, fmt.Sprintf("countersign-log-%x", id))
	if err != nil {
		return nil, err
	}
	text := []byte(skey + "\n" + vkey + "\n")
	return text, writeDurably(path, text)
}

// writeDurably replaces a file as a whole, surviving a crash at any point.
func writeDurably(path string, b []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }() // gone after a successful rename
	if err := temp.Chmod(keyMode); err != nil {
		return errors.Join(err, temp.Close())
	}
	if _, err := temp.Write(b); err != nil {
		return errors.Join(err, temp.Close())
	}
	if err := errors.Join(temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// VerifierKey is the public key in note format, which auditors pin.
func (k *Keeper) VerifierKey() (string, error) {
	text, err := os.ReadFile(strings.TrimSuffix(k.dir, ".checkpoints"))
	if err != nil {
		return "", fmt.Errorf("reading the log key: %w", err)
	}
	_, vkey, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return vkey, nil
}

// Sign returns the signed checkpoint of the log at a size: a C2SP note of origin,
// size and root. The same size gives the same bytes again.
func (k *Keeper) Sign(origin string, size int64, root tlog.Hash, r Reader) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	last, signed, err := k.last(origin)
	if err != nil {
		return nil, err
	}
	if signed != nil {
		if err := extends(last, size, root, r); err != nil {
			return nil, err
		}
		if last.N == size {
			return signed, nil
		}
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, size, root)
	checkpoint, err := note.Sign(&note.Note{Text: text}, k.signer)
	if err != nil {
		return nil, fmt.Errorf("signing a checkpoint: %w", err)
	}
	if err := writeDurably(k.file(origin), checkpoint); err != nil {
		return nil, fmt.Errorf("keeping the signed checkpoint: %w", err)
	}
	return checkpoint, nil
}

// extends checks that the tree (size, root) is the last signed one or grew from it.
func extends(last tlog.Tree, size int64, root tlog.Hash, r Reader) error {
	switch {
	case size < last.N:
		return fmt.Errorf("%w: signed at %d entries, now %d", ErrForked, last.N, size)
	case size == last.N && root != last.Hash:
		return fmt.Errorf("%w: another root at %d entries", ErrForked, size)
	case size == last.N || last.N == 0:
		return nil
	}
	proof, err := ProveConsistency(last.N, size, r)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, size, root, last.N, last.Hash); err != nil {
		return fmt.Errorf("%w: %w", ErrForked, err)
	}
	return nil
}

// last reads the last signed checkpoint of a log; signed is nil when there is none.
func (k *Keeper) last(origin string) (tree tlog.Tree, signed []byte, err error) {
	signed, err = os.ReadFile(k.file(origin))
	if errors.Is(err, fs.ErrNotExist) {
		return tlog.Tree{}, nil, nil
	}
	if err != nil {
		return tlog.Tree{}, nil, fmt.Errorf("reading the last checkpoint: %w", err)
	}
	tree, err = OpenCheckpoint(signed, origin, k.verifier)
	return tree, signed, err
}

func (k *Keeper) file(origin string) string {
	return filepath.Join(k.dir, strings.ReplaceAll(origin, "/", "_"))
}

// OpenCheckpoint verifies a signed checkpoint of a log and returns its tree.
func OpenCheckpoint(signed []byte, origin string, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("verifying a checkpoint: %w", err)
	}
	var named, rootText string
	var size int64
	if _, err := fmt.Sscanf(opened.Text, "%s\n%d\n%s\n", &named, &size, &rootText); err != nil {
		return tlog.Tree{}, fmt.Errorf("reading a checkpoint: %w", err)
	}
	root, err := tlog.ParseHash(rootText)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("reading a checkpoint: %w", err)
	}
	if named != origin || size < 0 || opened.Text != fmt.Sprintf("%s\n%d\n%s\n", origin, size, root) {
		return tlog.Tree{}, fmt.Errorf("the checkpoint is not one of %s", origin)
	}
	return tlog.Tree{N: size, Hash: root}, nil
}
