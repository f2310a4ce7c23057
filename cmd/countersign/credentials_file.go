package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// credentialsFile is the JSON that demo and init write. Its shape is a contract
// that scripts and the tests of published clients depend on; change nothing.
type credentialsFile struct {
	URL          string                       `json:"url"`
	Console      string                       `json:"console"`
	Database     string                       `json:"database"`
	Organization organizationCredentials      `json:"organization"`
	People       map[string]personCredentials `json:"people"`
	Directory    directoryCredentials         `json:"directory"`
	Fireblocks   *fireblocksCredentials       `json:"fireblocks,omitempty"`
	Fordefi      *fordefiCredentials          `json:"fordefi,omitempty"`
	Box          *boxCredentials              `json:"box,omitempty"`
	B2Core       *b2coreCredentials           `json:"b2core,omitempty"`
}

type organizationCredentials struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type personCredentials struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	Role  string `json:"role"`
	Token string `json:"token"`
}

type directoryCredentials struct {
	BaseURL string `json:"baseUrl"`
	Token   string `json:"token"`
}

type fireblocksCredentials struct {
	BasePath      string `json:"basePath"`
	APIKey        string `json:"apiKey"`
	SecretKeyFile string `json:"secretKeyFile"`
}

type fordefiCredentials struct {
	BaseURL     string `json:"baseUrl"`
	Token       string `json:"token"`
	WriterToken string `json:"writerToken"`
}

type boxCredentials struct {
	BaseURL        string `json:"baseUrl"`
	OAuth2URL      string `json:"oauth2Url"`
	ClientID       string `json:"clientId"`
	ClientSecret   string `json:"clientSecret"`
	EnterpriseID   string `json:"enterpriseId"`
	DeveloperToken string `json:"developerToken"`
}

type b2coreCredentials struct {
	BaseURL  string `json:"baseUrl"`
	Token    string `json:"token"`
	Email    string `json:"email"`
	Password string `json:"password"`
}

// write stores the file, readable by its owner only, also when it existed before.
func (c credentialsFile) write(path string) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the credentials: %w", err)
	}
	return writeSecret(path, append(text, '\n'))
}

// writeSecret replaces a file as a whole: its mode is right from the first byte
// on, and a reader sees all of it or nothing.
func writeSecret(path string, text []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	_, err = temp.Write(text)
	if closed := temp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temp.Name()) // nothing secret is left lying about
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
