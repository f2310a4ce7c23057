package fordefi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/dialect/fordefi"
)

func seedByDefault(c *fordefi.Config) { c.Profile = fordefi.Seed }

// TestParsing is section 1.2 of the contract and the texts of section 2.1.
func TestParsing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.ids["ada"]
	bare := strings.ReplaceAll(ada, "-", "")
	for _, good := range []string{
		"page=%201%20", "page=1.0", "page=%2B1", "page=0_1", "page=7&page=1", "size=50.000",
		"include_deleted=FALSE", "include_deleted=0", "include_deleted=off", "include_deleted=n", "include_deleted=No", "include_deleted=f",
		"include_deleted=true&include_deleted=false", "%74ypes=person&types=api_user", "names&types=system&types=person&user_ids=" + ada + "&nothing=%zz",
	} {
		h.get(users + "?" + good).must(http.StatusOK)
	}
	for _, yes := range []string{"TRUE", "1", "on", "Yes", "t", "y"} {
		h.get(users + "?include_deleted=" + yes).must(http.StatusOK)
	}
	for _, id := range []string{ada, strings.ToUpper(ada), bare, "{" + ada + "}", "urn:uuid:" + ada, "URN:UUID:" + strings.ToUpper(ada)} {
		if got := h.listed(query("user_ids", id)); got != "ada" {
			t.Errorf("%s: %q", id, got)
		}
		if strings.ContainsAny(id, "{") {
			continue
		}
		if u := h.get(users + "/" + id).must(http.StatusOK).object(); u["id"] != ada {
			t.Errorf("%s: %v", id, u["id"])
		}
	}
	if got := h.listed("names=ada,grace"); got != "" {
		t.Errorf("a comma list of names: %q", got)
	}
	for _, row := range []struct {
		query string
		want  []string
	}{
		{"page=1.5", []string{`["query","page"] int_parsing`}},
		{"page=", []string{`["query","page"] int_parsing`}},
		{"page=one", []string{`["query","page"] int_parsing`}},
		{"page=1__0", []string{`["query","page"] int_parsing`}},
		{"page=99999999999999999999999", []string{`["query","page"] less_than_equal`}},
		{"page=-99999999999999999999999", []string{`["query","page"] greater_than_equal`}},
		{"size=1&size=", []string{`["query","size"] int_parsing`}},
		{"include_deleted=", []string{`["query","include_deleted"] bool_parsing`}},
		{"include_deleted=maybe", []string{`["query","include_deleted"] bool_parsing`}},
		{"user_ids=abc", []string{`["query","user_ids",0] uuid_parsing`}},
		{"user_ids=" + ada + "&user_ids=", []string{`["query","user_ids",1] uuid_parsing`}},
		{"sort_by=name", []string{`["query","sort_by",0] enum`}},
		{"states_on_groups=removed", []string{`["query","states_on_groups",0] enum`}},
		{"names=%00", []string{`["query","names",0] string_unicode`}},
		{"names=%ff", []string{`["query","names",0] string_unicode`}},
		{"types=x&types=person&types=y&page=0&roles=boss", []string{
			`["query","page"] greater_than_equal`, `["query","types",0] enum`, `["query","types",2] enum`, `["query","roles",0] enum`,
		}},
		{strings.Repeat("a&", 1001), []string{`["query"] value_error`}},
	} {
		if got := h.get(users + "?" + row.query).faults(); !slices.Equal(got, row.want) {
			t.Errorf("%.60s: %v, want %v", row.query, got, row.want)
		}
	}
	// In the order of the published document, not in that of the query.
	const all = `{"title":"Cannot process data due to validation error","detail":[` +
		`{"loc":["query","page"],"msg":"Input should be a valid integer, unable to parse string as an integer","type":"int_parsing"},` +
		`{"loc":["query","size"],"msg":"Input should be less than or equal to 400","type":"less_than_equal"},` +
		`{"loc":["query","types",0],"msg":"Input should be 'person', 'api_signer', 'api_user' or 'system'","type":"enum"},` +
		`{"loc":["query","include_deleted"],"msg":"Input should be a valid boolean, unable to interpret input","type":"bool_parsing"},` +
		`{"loc":["query","user_ids",0],"msg":"Input should be a valid UUID, invalid length: expected length 32 for simple format, found 3","type":"uuid_parsing"}],"request_id":"`
	if got := h.get(users + "?page=x&size=401&types=x&user_ids=abc&include_deleted=").body; !strings.HasPrefix(got, all) {
		t.Errorf("%s\nwant %s", got, all)
	}
	if got := h.get(groups + "?name=&search=").faults(); !slices.Equal(got, []string{`["query","name"] string_too_short`, `["query","search"] string_too_short`}) {
		t.Errorf("%v", got)
	}
}

// TestUUIDsThatAreNone tells what is wrong as the published service would.
func TestUUIDsThatAreNone(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"":                                    "invalid length: expected length 32 for simple format, found 0",
		"xyz":                                 "invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found `x` at 1",
		"0190-12":                             "invalid group count: expected 5, found 2",
		"0190-1234-1234-1234-123456789012":    "invalid group length in group 0: expected 8, found 4",
		"01900000-1234-1234-1234-12345678901": "invalid group length in group 4: expected 12, found 11",
		"01900000-1234-1234-1234-123456789012\x01": "invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found `\uFFFD` at 37",
	} {
		if _, why := fordefi.ReadUUID(s); why != want {
			t.Errorf("%q: %s, want %s", s, why, want)
		}
	}
}

// FuzzArguments: whatever stands in a query, it is read or refused with a fault
// that names a parameter.
func FuzzArguments(f *testing.F) {
	for _, seed := range []string{"", "types=person&page=1", "page=1.0&size=%zz", "user_ids={urn:uuid:}", "a=b;c&names=+%2B", "include_deleted"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		page, faults := fordefi.ReadUsersQuery(raw)
		for _, fault := range faults {
			if fault.Type == "" || fault.Msg == "" || len(fault.Loc) == 0 {
				t.Errorf("%q: %+v", raw, fault)
			}
		}
		if len(faults) == 0 && (page.Offset < 0 || page.Limit < 0 || page.Limit > 400) {
			t.Errorf("%q: %+v", raw, page)
		}
	})
}
