package countersign

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
)

// Profile is what other systems keep about a user and no rule of ours reads: his
// phone, his language, the switches of a content store. Names come from a closed
// vocabulary, values are short texts in one form each. Nil is the empty profile;
// no entry is empty (docs/adr/0018).
type Profile map[string]string

// The names of a profile (contracts/box.md section 3, contracts/b2core.md).
const (
	ProfileAddress               = "address"
	ProfileContentStatus         = "content_status"
	ProfileExemptDeviceLimits    = "is_exempt_from_device_limits"
	ProfileExemptLoginCheck      = "is_exempt_from_login_verification"
	ProfileExternalAppUserID     = "external_app_user_id"
	ProfileExternalRestricted    = "is_external_collab_restricted"
	ProfileJobTitle              = "job_title"
	ProfileLanguage              = "language"
	ProfileNotificationEmail     = "notification_email"
	ProfilePasswordResetRequired = "is_password_reset_required"
	ProfilePhone                 = "phone"
	ProfilePlatformAccessOnly    = "is_platform_access_only"
	ProfileSeesManagedUsers      = "can_see_managed_users"
	ProfileSpaceAmount           = "space_amount"
	ProfileSyncEnabled           = "is_sync_enabled"
	ProfileTelegramChatID        = "telegram_chat_id"
	ProfileTimezone              = "timezone"
	ProfileTrackingCodes         = "tracking_codes"
)

// What a profile may hold, in bytes.
const (
	maxProfileText  = 100
	maxProfileLong  = 255
	maxTrackingText = 2000
)

// profileRules says of each name what its value must be.
//
//nolint:gochecknoglobals // a table, never written
var profileRules = map[string]func(field, value string) error{
	ProfileAddress:               textUpTo(maxProfileLong),
	ProfileContentStatus:         oneOf("cannot_delete_edit", "cannot_delete_edit_upload"),
	ProfileExemptDeviceLimits:    oneOf("true", "false"),
	ProfileExemptLoginCheck:      oneOf("true", "false"),
	ProfileExternalAppUserID:     textUpTo(maxProfileLong),
	ProfileExternalRestricted:    oneOf("true", "false"),
	ProfileJobTitle:              textUpTo(maxProfileText),
	ProfileLanguage:              textUpTo(maxProfileText),
	ProfileNotificationEmail:     checkEmail,
	ProfilePasswordResetRequired: oneOf("true", "false"),
	ProfilePhone:                 textUpTo(maxProfileText),
	ProfilePlatformAccessOnly:    oneOf("true", "false"),
	ProfileSeesManagedUsers:      oneOf("true", "false"),
	ProfileSpaceAmount:           checkInteger,
	ProfileSyncEnabled:           oneOf("true", "false"),
	ProfileTelegramChatID:        checkInteger,
	ProfileTimezone:              textUpTo(maxProfileText),
	ProfileTrackingCodes:         checkTrackingCodes,
}

// ProfileNames lists the vocabulary, sorted.
func ProfileNames() []string { return slices.Sorted(maps.Keys(profileRules)) }

// Merged returns the profile with given entries put in; an empty value takes an
// entry out.
func (p Profile) Merged(given Profile) Profile {
	merged := Profile{}
	maps.Copy(merged, p)
	for name, value := range given {
		if value == "" {
			delete(merged, name)
		} else {
			merged[name] = value
		}
	}
	if len(merged) == 0 {
		return nil
	}
	return merged
}

// validate checks every entry; an empty value is one to be taken out.
func (p Profile) validate(field string) error {
	for _, name := range slices.Sorted(maps.Keys(p)) {
		rule, known := profileRules[name]
		if !known {
			return E(Invalid, field, "has an entry of a name that no profile has; see the API document")
		}
		if value := p[name]; value != "" {
			if err := rule(field+"."+name, value); err != nil {
				return err
			}
		}
	}
	return nil
}

func textUpTo(limit int) func(field, value string) error {
	return func(field, value string) error { return checkText(field, value, limit, true) }
}

func oneOf(words ...string) func(field, value string) error {
	return func(field, value string) error {
		if slices.Contains(words, value) {
			return nil
		}
		message := "must be " + words[0]
		for _, word := range words[1:] {
			message += " or " + word
		}
		return E(Invalid, field, message)
	}
}

// checkInteger asks for a whole number of 64 bits as it is usually written.
func checkInteger(field, value string) error {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != value {
		return E(Invalid, field, "must be a whole number")
	}
	return nil
}

// TrackingCode is a pair that reports are sorted by (contracts/box.md section 3).
type TrackingCode struct{ Name, Value string }

// TrackingCodesText writes tracking codes as a profile holds them: a JSON list of
// pairs, in the order given; "" for none.
func TrackingCodesText(codes []TrackingCode) string {
	if len(codes) == 0 {
		return ""
	}
	pairs := make([][2]string, len(codes))
	for i, c := range codes {
		pairs[i] = [2]string{c.Name, c.Value}
	}
	text, err := json.Marshal(pairs)
	if err != nil {
		return "" // texts always encode
	}
	return string(text)
}

// TrackingCodes reads the tracking codes of a profile.
func (p Profile) TrackingCodes() []TrackingCode {
	var pairs [][2]string
	if json.Unmarshal([]byte(p[ProfileTrackingCodes]), &pairs) != nil {
		return nil
	}
	codes := make([]TrackingCode, len(pairs))
	for i, pair := range pairs {
		codes[i] = TrackingCode{Name: pair[0], Value: pair[1]}
	}
	return codes
}

func checkTrackingCodes(field, value string) error {
	if len(value) > maxTrackingText {
		return &Error{Kind: Invalid, Code: "too_long", Field: field, Message: "is too long; see the limits in the API document"}
	}
	codes := Profile{ProfileTrackingCodes: value}.TrackingCodes()
	if TrackingCodesText(codes) != value {
		return E(Invalid, field, `must be a JSON list of pairs without blanks, such as [["cost center","7"]]`)
	}
	for _, c := range codes {
		if err := firstError(checkText(field, c.Name, maxProfileLong, true), checkText(field, c.Value, maxProfileLong, false)); err != nil {
			return err
		}
	}
	return nil
}
