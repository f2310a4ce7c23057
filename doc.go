// Package countersign is the vocabulary of the directory: users, groups,
// memberships, permissions, the changes that touch them, and the approvals
// those changes wait for.
//
// It owns the words and the rules that need nothing but the words: what a
// valid permission looks like, which roles hold which permissions, which kinds
// of change exist. It does no I/O, reads no clock, draws no randomness, and
// imports the standard library only.
//
// Entities (User, Group, Membership, Credential, ChangeRequest) carry no wire
// tags: each dialect has structs of its own. Changes do carry json tags,
// because their canonical form is one thing in three places: the held payload,
// the audit entry, and an operation of the native API (docs/adr/0002).
//
// Words are those of the glossary in docs/design.md; one word per thing.
package countersign
