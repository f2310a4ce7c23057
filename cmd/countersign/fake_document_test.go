package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/canon"
	"github.com/countersign/countersign/internal/statement"
)

// documentOf writes the document of a change as the fake tells it: in clear, for
// it has no secrets.
func documentOf(t *testing.T, change map[string]any) string {
	t.Helper()
	doc := map[string]any{"v": 1, "organization": "0198c500-0000-7000-8000-000000000000"}
	for _, member := range []string{
		"id", "requester", "requester_person", "credential", "reason", "effects_total", "rules", "policy_version", "requirement",
		"excluded", "replaces", "bootstrap", "operations",
	} {
		if change[member] != nil && change[member] != "" && change[member] != false {
			doc[member] = change[member]
		}
	}
	for _, member := range []string{"created_at", "expires_at"} {
		at, err := time.Parse(time.RFC3339, change[member].(string))
		if err != nil {
			t.Fatal(err)
		}
		doc[member] = statement.Time(at)
	}
	effects := []map[string]any{}
	for _, e := range change["effects"].([]any) {
		effect := map[string]any{}
		for name, value := range e.(map[string]any) {
			if name != "to" {
				effect[name] = value
			}
		}
		effects = append(effects, effect)
	}
	doc["effects"] = effects
	raw, err := canon.Encode(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// honest gives a change the digest of its document, and keeps the document for who
// asks for it next.
func (f *fake) honest(body any) any {
	raw, err := json.Marshal(body)
	if err != nil {
		f.t.Fatal(err)
	}
	var change map[string]any
	if err := json.Unmarshal(raw, &change); err != nil || change["operations"] == nil {
		return body
	}
	document := documentOf(f.t, change)
	change["digest"] = statement.ChangeDigest([]byte(document))
	change["digest_words"] = statement.Words(change["digest"].(string))
	if f.documents == nil {
		f.documents = map[string]string{}
	}
	f.documents[change["id"].(string)] = document
	return change
}

func (f *fake) document(id string) answer {
	document := f.documents[id]
	digest := statement.ChangeDigest([]byte(document))
	return answer{status: 200, body: map[string]any{
		"id": id, "digest": digest, "digest_words": statement.Words(digest), "document": document, "openings": map[string]client.Opening{},
	}}
}
