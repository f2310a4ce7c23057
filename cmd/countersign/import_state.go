package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/countersign/countersign/client"
)

const (
	importStateFile = ".countersign-import.json"
	importRejects   = "rejects.csv"
)

// importState is what a later run needs to go on. It holds no row, but the salt,
// with which the digests in the log could be tried against guessed rows.
type importState struct {
	// URL of the directory the import was sent to.
	URL  string `json:"url,omitzero"`
	Salt string `json:"salt"`
	// Key makes the opening repeatable: it may have happened although nobody heard.
	Key      string          `json:"key"`
	ImportID client.ChangeID `json:"import_id,omitzero"`
}

// remember reads what an earlier run left, or makes what this one will leave.
func (i *importing) remember() error {
	text, err := os.ReadFile(i.state)
	switch {
	case err == nil && !i.anew:
		if err := json.Unmarshal(text, &i.kept); err != nil || len(i.kept.Salt) != 32 {
			return usage("%s cannot be read; --new begins another import", i.state)
		}
	case err == nil || errors.Is(err, fs.ErrNotExist):
		salt := make([]byte, 16)
		_, _ = rand.Read(salt) // it never fails
		i.kept = importState{Salt: hex.EncodeToString(salt), Key: rand.Text()}
	default:
		return usage("%v", err)
	}
	if i.change != "" {
		i.kept.ImportID = client.ChangeID(i.change)
	}
	return nil
}

// keep writes what a later run needs, before what it may need it for.
func (i *importing) keep() error {
	i.kept.URL = i.address
	text, err := json.MarshalIndent(i.kept, "", "  ")
	if err == nil {
		err = writeWhole(i.state, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("remembering the import: %w (choose another place with --state)", err)
	}
	return nil
}

// writeWhole replaces a file at once, for its owner alone.
func writeWhole(path string, text []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }() // gone after a successful rename
	if _, err := temp.Write(text); err != nil {
		return errors.Join(err, temp.Close())
	}
	if err := errors.Join(temp.Sync(), temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
