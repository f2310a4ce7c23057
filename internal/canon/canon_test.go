package canon_test

import (
	"bytes"
	"crypto/rand"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gowebpki/jcs"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/canon"
)

// TestCanonicalBytesAreThoseOfRFC8785 compares with an independent implementation.
func TestCanonicalBytesAreThoseOfRFC8785(t *testing.T) {
	for _, doc := range []string{
		`{"b":1,"a":[true,false,null,"x"],"e":"\u00e9","euro":"\u20ac","fox":"\ud83e\udd8a","line":"\u2028\u007f"}`,
		`{"numbers":[0,-1,9007199254740992,1e3],"esc":"\u0000\b\n\"\\/"}`,
		`{"1":{"f":{"f":"hi","F":5},"\n":56},"10":{},"":"empty","a":{},"111":[{"e":"yes","E":"no"}],"A":{}}`,
	} {
		want, err := jcs.Transform([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		got, err := canon.Encode(rawJSON(doc))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s\n got %s (%v)\nwant %s", doc, got, err, want)
		}
	}
}

type rawJSON string

func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

func TestNumbersThatWouldBeRoundedAreRefused(t *testing.T) {
	for _, doc := range []string{`[1.5]`, `{"a":9007199254740994}`, `[1e400]`, `[-1e30]`} {
		if got, err := canon.Encode(rawJSON(doc)); err == nil {
			t.Errorf("%s was encoded as %s", doc, got)
		}
	}
}

// Keys beyond ASCII would have to be ordered as UTF-16, which no document needs.
func TestKeysAreASCII(t *testing.T) {
	if got, err := canon.Encode(rawJSON(`{"é":1}`)); err == nil {
		t.Errorf("encoded as %s", got)
	}
}

// Any document within the grammar has the bytes an independent implementation
// gives it.
func FuzzCanonicalBytes(f *testing.F) {
	f.Add([]byte(`{"b":[1,-0,"\u001f\ud83e\udd8a/<>&"],"a":{"z":null,"y":true},"":""}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		got, err := canon.Encode(rawJSON(doc))
		if err != nil {
			t.Skip() // beyond the grammar
		}
		want, err := jcs.Transform(doc)
		if err != nil {
			t.Skip() // it wants an object or a list at the top
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%q\n got %q\nwant %q", doc, got, want)
		}
		again, err := canon.Encode(rawJSON(got))
		if err != nil || !bytes.Equal(again, got) {
			t.Errorf("%q is encoded again as %q (%v)", got, again, err)
		}
	})
}

// sampleChanges has one change of every kind with every field filled.
func sampleChanges() []countersign.Change {
	var out []countersign.Change
	for _, kind := range countersign.ChangeKinds() {
		c, _ := countersign.NewChange(kind)
		fill(reflect.ValueOf(c).Elem())
		out = append(out, c)
	}
	return out
}

// fill gives every field a value that is not its zero value.
func fill(v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 5, 4, 3, 2, 1, 6000, time.UTC)))
		return
	}
	switch v.Kind() { //nolint:exhaustive // the kinds that changes are made of
	case reflect.String:
		v.SetString("a value")
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Field(i); field.CanSet() && v.Type().Field(i).Name != "Null" {
				fill(field)
			}
		}
	}
}

func TestEveryKindOfChangeSurvivesItsCanonicalForm(t *testing.T) {
	for _, c := range sampleChanges() {
		encoded, err := canon.EncodeChange(c)
		if err != nil {
			t.Fatalf("%s: %v", c.Kind(), err)
		}
		decoded, err := canon.DecodeChange(encoded)
		if err != nil || !reflect.DeepEqual(decoded, c) {
			t.Errorf("%s: %s\nreads as %+v (%v)\nwant     %+v", c.Kind(), encoded, decoded, err, c)
		}
		again, _ := canon.EncodeChange(decoded)
		if !bytes.Equal(again, encoded) {
			t.Errorf("%s is encoded in two ways:\n%s\n%s", c.Kind(), encoded, again)
		}
	}
}

func TestAbsentAndNullAreTwoThings(t *testing.T) {
	id := "01890a5d-ac96-774b-bcce-b302099a8057"
	for doc, want := range map[string]countersign.Opt[string]{
		`{"kind":"group.update","group_id":"` + id + `"}`:                      {},
		`{"kind":"group.update","group_id":"` + id + `","description":null}`:   countersign.Null[string](),
		`{"kind":"group.update","group_id":"` + id + `","description":"text"}`: countersign.Some("text"),
	} {
		c, err := canon.DecodeChange([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.(*countersign.UpdateGroup).Description; got != want {
			t.Errorf("%s reads as %+v", doc, got)
		}
	}
}

func TestBadOperationsNameTheField(t *testing.T) {
	for _, c := range []struct{ doc, field string }{
		{`{}`, "kind"},
		{`[]`, ""},
		{`null`, ""},
		{`{"kind":7}`, "kind"},
		{`{"kind":"group.explode"}`, "kind"},
		{`{"kind":"group.create","colour":"red"}`, "colour"},
		{`{"kind":"group.create","name":7}`, "name"},
		{`{"kind":"group.create","name":"a","name":"b"}`, "name"},
		{`{"kind":"group.create","Name":"a"}`, "Name"},
		{`{"kind":"group.create","member_ids":"x"}`, "member_ids"},
		{`{"kind":"membership.add","configurable_permissions":{"can_run_reports":"yes"}}`, "configurable_permissions"},
		{`{"kind":"membership.add","configurable_permissions":{"can_run_reports":null}}`, "configurable_permissions"},
		{`{"kind":"group.update","permissions":[null]}`, "permissions"},
		{`{"kind":"group.create","name":"` + "\xff" + `"}`, "name"},
		{`{"kind":"group.create"} {}`, ""},
	} {
		_, err := canon.DecodeChange([]byte(c.doc))
		own, ok := err.(*countersign.Error) //nolint:errorlint // the very type is asked for
		if !ok || own.Kind != countersign.Invalid || !strings.HasSuffix(own.Field, c.field) {
			t.Errorf("%s: %v, want an invalid error at %q", c.doc, err, c.field)
		}
	}
}

func TestPersonalDataLeavesOnlyCommitments(t *testing.T) {
	for _, c := range sampleChanges() {
		for _, field := range countersign.PersonalFields() {
			encoded, err := canon.EncodeChange(c)
			if err != nil {
				t.Fatal(err)
			}
			committed, openings, err := canon.NewCommitter(rand.Reader, nil).Commit(jsontext.Value(encoded))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(committed), `"`+field+`":"a value"`) && c.Kind() != countersign.KindPolicyPut && c.Kind() != countersign.KindOrganizationSeal {
				t.Errorf("%s shows %s in clear: %s", c.Kind(), field, committed)
			}
			opened, err := canon.Open(committed, openings)
			if err != nil || !bytes.Equal(opened, encoded) {
				t.Errorf("%s opens to %s (%v)", c.Kind(), opened, err)
			}
		}
	}
}

func TestACommitmentIsSaltedAndBinds(t *testing.T) {
	doc := []byte(`{"name":"Ada","note":"x"}`)
	one, openings, err := canon.NewCommitter(rand.Reader, nil).Commit(jsontext.Value(doc))
	if err != nil {
		t.Fatal(err)
	}
	two, _, _ := canon.NewCommitter(rand.Reader, nil).Commit(jsontext.Value(doc))
	if bytes.Equal(one, two) {
		t.Error("two commitments to one value are equal: the value could be guessed")
	}
	again, _, _ := canon.NewCommitter(rand.Reader, openings).Commit(jsontext.Value(doc))
	if !bytes.Equal(one, again) {
		t.Error("a value that was committed to before has another commitment now")
	}
	for commitment, o := range openings {
		o.Value = `"Eve"`
		if canon.Verify(commitment, o) {
			t.Error("another value opens the commitment")
		}
		openings[commitment] = o
	}
	if _, err := canon.Open(one, openings); err == nil {
		t.Error("an edited value was read as if it were true")
	}
	erased, err := canon.Open(one, nil)
	if err != nil || !strings.Contains(string(erased), canon.Erased) {
		t.Errorf("an erased value reads %s (%v)", erased, err)
	}
}

func TestTheFrameSeparatesPurposes(t *testing.T) {
	if canon.Digest("a", []byte("b")) == canon.Digest("ab", nil) || canon.Digest("a b", []byte("c")) == canon.Digest("a", []byte("b c")) {
		t.Error("bytes of one purpose read as those of another")
	}
}

func FuzzDecodeChange(f *testing.F) {
	for _, c := range sampleChanges() {
		encoded, err := canon.EncodeChange(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(encoded)
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		c, err := canon.DecodeChange(doc)
		if err != nil {
			return
		}
		encoded, err := canon.EncodeChange(c)
		if err != nil {
			t.Skip() // a number beyond 2^53: decoded, never stored
		}
		again, err := canon.DecodeChange(encoded)
		if err != nil {
			t.Fatalf("%s is not read back: %v", encoded, err)
		}
		twice, err := canon.EncodeChange(again)
		if err != nil || !bytes.Equal(twice, encoded) {
			t.Fatalf("not a fixed point:\n%s\n%s", encoded, twice)
		}
	})
}
