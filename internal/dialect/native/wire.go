package native

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
)

// The structs of the answers. Every member is always there, so that a client can
// tell "has none" from "not told"; what has no value is null.

// text is a string that is null when it is empty.
type text string

// MarshalJSONTo writes the text or null.
func (t text) MarshalJSONTo(e *jsontext.Encoder) error {
	if t == "" {
		return e.WriteToken(jsontext.Null)
	}
	return e.WriteToken(jsontext.String(string(t)))
}

// moment is a time that is null when it is zero: RFC 3339, UTC, microseconds
// without trailing zeros.
type moment time.Time

// MarshalJSONTo writes the time or null.
func (m moment) MarshalJSONTo(e *jsontext.Encoder) error {
	t := time.Time(m)
	if t.IsZero() {
		return e.WriteToken(jsontext.Null)
	}
	return e.WriteToken(jsontext.String(t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)))
}

// UnmarshalJSONFrom reads what MarshalJSONTo wrote: a note is read back.
func (m *moment) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var t time.Time
	if err := json.UnmarshalDecode(d, &t); err != nil {
		return err
	}
	*m = moment(t)
	return nil
}

// list is one page. The rows of one answer are of one revision.
type list[T any] struct {
	Items      []T  `json:"items"`
	Total      int  `json:"total"`
	NextCursor text `json:"next_cursor"`
}

type userOut struct {
	ID                  countersign.UserID       `json:"id"`
	Number              int64                    `json:"number"`
	Type                countersign.UserType     `json:"type"`
	Role                text                     `json:"role"`
	State               countersign.UserState    `json:"state"`
	Name                text                     `json:"name"`
	Email               text                     `json:"email"`
	ExternalID          text                     `json:"external_id"`
	Permissions         []countersign.Permission `json:"permissions"`
	ResponsiblePersonID text                     `json:"responsible_person_id"`
	AllowedIPs          []string                 `json:"allowed_ips"`
	Profile             countersign.Profile      `json:"profile"`
	InvitedBy           text                     `json:"invited_by"`
	DeviceResetBy       text                     `json:"device_reset_by"`
	CreatedAt           moment                   `json:"created_at"`
	ModifiedAt          moment                   `json:"modified_at"`
	LastActiveAt        moment                   `json:"last_active_at"`
	LastKeepAliveAt     moment                   `json:"last_keep_alive_at"`
	Version             int64                    `json:"version"`
	Groups              []groupRefOut            `json:"groups"`
	PendingChange       *pendingUserOut          `json:"pending_change"`
	Secrets             []secretOut              `json:"secrets,omitempty"`
}

type groupRefOut struct {
	ID              countersign.GroupID         `json:"id"`
	Number          int64                       `json:"number"`
	Name            string                      `json:"name"`
	State           countersign.GroupState      `json:"state"`
	MembershipID    countersign.MembershipID    `json:"membership_id"`
	MembershipState countersign.MembershipState `json:"membership_state"`
	MembershipRole  countersign.MembershipRole  `json:"membership_role"`
}

type pendingUserOut struct {
	ID   countersign.ChangeID `json:"id"`
	Role text                 `json:"role"`
}

type pendingOut struct {
	ID countersign.ChangeID `json:"id"`
}

func pending(id countersign.ChangeID) *pendingOut {
	if id == "" {
		return nil
	}
	return &pendingOut{id}
}

func userToWire(u countersign.UserView) userOut {
	out := userOut{
		ID: u.ID, Number: u.Number, Type: u.Type, Role: text(u.Role), State: u.State, Name: text(u.Name), Email: text(u.Email),
		ExternalID: text(u.ExternalID), Permissions: u.Permissions, ResponsiblePersonID: text(u.ResponsiblePersonID),
		AllowedIPs: u.AllowedIPs, Profile: u.Profile, InvitedBy: text(u.InvitedBy), DeviceResetBy: text(u.DeviceResetBy),
		CreatedAt: moment(u.CreatedAt), ModifiedAt: moment(u.ModifiedAt), LastActiveAt: moment(u.LastActiveAt),
		LastKeepAliveAt: moment(u.LastKeepAliveAt), Version: u.Version, Groups: make([]groupRefOut, len(u.Groups)),
	}
	for i, g := range u.Groups {
		out.Groups[i] = groupRefOut{g.ID, g.Number, g.Name, g.State, g.MembershipID, g.Membership, g.Role}
	}
	if u.PendingChange != "" {
		out.PendingChange = &pendingUserOut{u.PendingChange, text(u.PendingRole)}
	}
	return out
}

type groupOut struct {
	ID                     countersign.GroupID      `json:"id"`
	Number                 int64                    `json:"number"`
	Name                   string                   `json:"name"`
	Description            text                     `json:"description"`
	Permissions            []countersign.Permission `json:"permissions"`
	ExternalSyncIdentifier text                     `json:"external_sync_identifier"`
	Provenance             text                     `json:"provenance"`
	Invitability           text                     `json:"invitability"`
	MemberViewability      text                     `json:"member_viewability"`
	State                  countersign.GroupState   `json:"state"`
	UsersCount             int                      `json:"users_count"`
	AdminsCount            int                      `json:"admins_count"`
	CreatedBy              text                     `json:"created_by"`
	ModifiedBy             text                     `json:"modified_by"`
	CreatedAt              moment                   `json:"created_at"`
	ModifiedAt             moment                   `json:"modified_at"`
	Version                int64                    `json:"version"`
	MembersVersion         int64                    `json:"members_version"`
	PendingChange          *pendingOut              `json:"pending_change"`
}

func groupToWire(g countersign.GroupView) groupOut {
	return groupOut{
		ID: g.ID, Number: g.Number, Name: g.Name, Description: text(g.Description), Permissions: g.Permissions,
		ExternalSyncIdentifier: text(g.ExternalSyncIdentifier), Provenance: text(g.Provenance),
		Invitability: text(g.Invitability), MemberViewability: text(g.MemberViewability), State: g.State,
		UsersCount: g.UsersCount, AdminsCount: g.AdminsCount, CreatedBy: text(g.CreatedBy), ModifiedBy: text(g.ModifiedBy),
		CreatedAt: moment(g.CreatedAt), ModifiedAt: moment(g.ModifiedAt), Version: g.ObjectVersion(), MembersVersion: g.MembersVersion,
		PendingChange: pending(g.PendingChange),
	}
}

type membershipOut struct {
	ID           countersign.MembershipID    `json:"id"`
	Number       int64                       `json:"number"`
	UserID       countersign.UserID          `json:"user_id"`
	UserName     text                        `json:"user_name"`
	UserType     countersign.UserType        `json:"user_type"`
	GroupID      countersign.GroupID         `json:"group_id"`
	GroupName    string                      `json:"group_name"`
	Role         countersign.MembershipRole  `json:"role"`
	Configurable *configurableOut            `json:"configurable_permissions"`
	StartsAt     moment                      `json:"starts_at"`
	ExpiresAt    moment                      `json:"expires_at"`
	State        countersign.MembershipState `json:"state"`
	CreatedAt    moment                      `json:"created_at"`
	ModifiedAt   moment                      `json:"modified_at"`
	Version      int64                       `json:"version"`
	Pending      *pendingOut                 `json:"pending_change"`
}

type configurableOut struct {
	CreateAccounts bool `json:"can_create_accounts"`
	EditAccounts   bool `json:"can_edit_accounts"`
	RunReports     bool `json:"can_run_reports"`
	InstantLogin   bool `json:"can_instant_login"`
}

func membershipToWire(m countersign.MembershipView) membershipOut {
	out := membershipOut{
		ID: m.ID, Number: m.Number, UserID: m.UserID, UserName: text(m.UserName), UserType: m.UserType,
		GroupID: m.GroupID, GroupName: m.GroupName, Role: m.Role, StartsAt: moment(m.StartsAt), ExpiresAt: moment(m.ExpiresAt),
		State: m.State, CreatedAt: moment(m.CreatedAt), ModifiedAt: moment(m.ModifiedAt), Version: m.Version,
		Pending: pending(m.PendingChange),
	}
	if m.Role == countersign.GroupAdmin {
		switches := configurableOut(m.Configurable)
		out.Configurable = &switches
	}
	return out
}

type credentialOut struct {
	ID          countersign.CredentialID    `json:"id"`
	UserID      countersign.UserID          `json:"user_id"`
	Type        countersign.CredentialType  `json:"type"`
	State       countersign.CredentialState `json:"state"`
	Label       text                        `json:"label"`
	PublicKey   text                        `json:"public_key"`
	ClientID    text                        `json:"client_id"`
	RequestedBy text                        `json:"requested_by"`
	CreatedAt   moment                      `json:"created_at"`
	ModifiedAt  moment                      `json:"modified_at"`
	ExpiresAt   moment                      `json:"expires_at"`
	Version     int64                       `json:"version"`
	Secrets     []secretOut                 `json:"secrets,omitempty"`
}

// credentialToWire leaves the secret's hash where it is.
func credentialToWire(c countersign.Credential) credentialOut {
	return credentialOut{
		ID: c.ID, UserID: c.UserID, Type: c.Type, State: c.State, Label: text(c.Label), PublicKey: text(c.PublicKey),
		ClientID: text(c.ClientID), RequestedBy: text(c.RequestedBy), CreatedAt: moment(c.CreatedAt),
		ModifiedAt: moment(c.ModifiedAt), ExpiresAt: moment(c.ExpiresAt), Version: c.Version,
	}
}

// secretOut is a secret as its one reader sees it. What is kept for a replay is
// the same without the value.
type secretOut struct {
	CredentialID countersign.CredentialID   `json:"credential_id"`
	UserID       countersign.UserID         `json:"user_id"`
	Type         countersign.CredentialType `json:"type"`
	Value        string                     `json:"value,omitempty"`
	ClientID     string                     `json:"client_id,omitempty"`
	ExpiresAt    moment                     `json:"expires_at,omitzero"`
	AlreadyShown bool                       `json:"already_shown,omitzero"`
}

// IsZero lets omitzero leave the time out.
func (m moment) IsZero() bool { return time.Time(m).IsZero() }

// secretsToWire describes secrets; their values only when they are revealed.
func secretsToWire(secrets []countersign.Secret, reveal bool) []secretOut {
	out := make([]secretOut, len(secrets))
	for i, s := range secrets {
		out[i] = secretOut{CredentialID: s.Credential, UserID: s.User, Type: s.Type, ClientID: s.ClientID, ExpiresAt: moment(s.ExpiresAt)}
		if reveal {
			out[i].Value = s.Reveal()
		} else {
			out[i].AlreadyShown = true
		}
	}
	return out
}

type catalogueOut struct {
	Permission  countersign.Permission `json:"permission"`
	Description text                   `json:"description"`
	BuiltIn     bool                   `json:"built_in"`
	Version     int64                  `json:"version"`
}

func catalogueToWire(p countersign.CataloguePermission) catalogueOut {
	return catalogueOut{p.Permission, text(p.Description), p.BuiltIn, p.Version}
}

type organizationOut struct {
	ID            countersign.OrganizationID `json:"id"`
	Number        string                     `json:"number"`
	Name          string                     `json:"name"`
	Sealed        bool                       `json:"sealed"`
	SealedAt      moment                     `json:"sealed_at"`
	Frozen        bool                       `json:"frozen"`
	FrozenAt      moment                     `json:"frozen_at"`
	CreatedAt     moment                     `json:"created_at"`
	Version       int64                      `json:"version"`
	PolicyVersion int64                      `json:"policy_version"`
}

func organizationToWire(o countersign.Organization) organizationOut {
	return organizationOut{
		ID: o.ID, Number: o.Number, Name: o.Name, Sealed: o.Sealed(), SealedAt: moment(o.SealedAt),
		Frozen: o.Frozen(), FrozenAt: moment(o.FrozenAt),
		CreatedAt: moment(o.CreatedAt), Version: o.ObjectVersion(), PolicyVersion: o.PolicyVersion,
	}
}

type sourceOut struct {
	Via          string `json:"via"`
	Role         text   `json:"role"`
	GroupID      text   `json:"group_id"`
	GroupName    text   `json:"group_name"`
	MembershipID text   `json:"membership_id"`
	Position     int64  `json:"position"`
}

func sourcesToWire(sources []countersign.Source) []sourceOut {
	out := make([]sourceOut, len(sources))
	for i, s := range sources {
		out[i] = sourceOut{s.Via, text(s.Role), text(s.GroupID), text(s.GroupName), text(s.MembershipID), s.Position}
	}
	return out
}

type effectiveOut struct {
	Permission countersign.Permission `json:"permission"`
	Sources    []sourceOut            `json:"sources"`
}

func effectiveToWire(p countersign.EffectivePermission) effectiveOut {
	return effectiveOut{p.Permission, sourcesToWire(p.Sources)}
}
