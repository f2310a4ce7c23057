package countersign_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/countersign/countersign"
)

// TestProfileEntriesHaveOneForm is the vocabulary of profiles, good and bad.
func TestProfileEntriesHaveOneForm(t *testing.T) {
	long := strings.Repeat("x", 256)
	flag := [2][]string{{"true", "false"}, {"True", "1", "yes", " true"}}
	text := [2][]string{{"x", strings.Repeat("x", 100), "Zürich"}, {strings.Repeat("x", 101), " ", "a\nb", "\xff"}}
	number := [2][]string{{"-1", "0", "9223372036854775807"}, {"+1", "01", "1.0", "9223372036854775808", "ten"}}
	cases := map[string][2][]string{
		"address":                           {{"x", strings.Repeat("x", 255)}, {long, "a\tb"}},
		"content_status":                    {{"cannot_delete_edit", "cannot_delete_edit_upload"}, {"active"}},
		"external_app_user_id":              {{"x", strings.Repeat("x", 255)}, {long}},
		"notification_email":                {{"a@example.org"}, {"a", "a@b@c", "<a@example.org>"}},
		"tracking_codes":                    {{`[["a","b"]]`, `[["a","b"],["a",""]]`}, {`[]`, `{}`, `[["a"]]`, `[["","b"]]`, `[["a", "b"]]`, `[["a","b","c"]]`, `[["` + long + `","b"]]`, "x", `[["a","` + strings.Repeat("x", 2000) + `"]]`}},
		"can_see_managed_users":             flag,
		"is_exempt_from_device_limits":      flag,
		"is_exempt_from_login_verification": flag,
		"is_external_collab_restricted":     flag,
		"is_password_reset_required":        flag,
		"is_platform_access_only":           flag,
		"is_sync_enabled":                   flag,
		"job_title":                         text,
		"language":                          text,
		"phone":                             text,
		"timezone":                          text,
		"space_amount":                      number,
		"telegram_chat_id":                  number,
	}
	for _, name := range countersign.ProfileNames() {
		if _, ok := cases[name]; !ok {
			t.Errorf("%s is not tested", name)
		}
	}
	for name, values := range cases {
		for i, list := range values {
			for _, value := range list {
				profile := countersign.Profile{name: value}
				update := (&countersign.UpdateUser{UserID: "01890a5d-ac96-774b-bcce-b302099a8057", Profile: countersign.Some(profile)}).Validate()
				invite := (&countersign.InvitePerson{Name: "A", Email: "a@example.org", Role: countersign.RoleNone, Profile: profile}).Validate()
				var own *countersign.Error
				switch good := i == 0; {
				case good && (update != nil || invite != nil):
					t.Errorf("%s %q: %v, %v", name, value, update, invite)
				case !good && (!errors.As(update, &own) || own.Field != "profile."+name || invite == nil):
					t.Errorf("%s %q: %v, %v", name, value, update, invite)
				}
			}
		}
	}
}

func TestProfilesMerge(t *testing.T) {
	have := countersign.Profile{"phone": "1", "language": "en"}
	for name, c := range map[string]struct{ have, given, want countersign.Profile }{
		"an entry is put in":       {have, countersign.Profile{"timezone": "UTC"}, countersign.Profile{"phone": "1", "language": "en", "timezone": "UTC"}},
		"an entry is replaced":     {have, countersign.Profile{"phone": "2"}, countersign.Profile{"phone": "2", "language": "en"}},
		"an empty one goes":        {have, countersign.Profile{"phone": ""}, countersign.Profile{"language": "en"}},
		"the last one goes":        {countersign.Profile{"phone": "1"}, countersign.Profile{"phone": ""}, nil},
		"nothing from nothing":     {nil, nil, nil},
		"what is not there can go": {nil, countersign.Profile{"phone": ""}, nil},
	} {
		before := maps.Clone(c.have)
		if got := c.have.Merged(c.given); !maps.Equal(got, c.want) || (got == nil) != (c.want == nil) || !maps.Equal(c.have, before) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestTrackingCodesAreReadAsWritten(t *testing.T) {
	codes := []countersign.TrackingCode{{Name: "cost <center>", Value: "7"}, {Name: "b", Value: "\"quoted\" ä"}}
	text := countersign.TrackingCodesText(codes)
	got := countersign.Profile{"tracking_codes": text}.TrackingCodes()
	if len(got) != 2 || got[0] != codes[0] || got[1] != codes[1] {
		t.Errorf("%s reads as %v", text, got)
	}
	if countersign.TrackingCodesText(nil) != "" || (countersign.Profile{}).TrackingCodes() != nil {
		t.Error("no codes are not nothing")
	}
}
