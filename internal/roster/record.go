package roster

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Records hold what is seldom asked for: numbers as varints, texts behind their
// length, ids as they are, and what a row does not have not at all.

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

func appendTime(b []byte, at time.Time) []byte {
	return binary.LittleEndian.AppendUint64(b, uint64(at.UnixMicro()))
}

// record is a record being read.
type record []byte

func (r *record) uvarint() uint64 {
	v, n := binary.Uvarint(*r)
	*r = (*r)[n:]
	return v
}

func (r *record) varint() int64 {
	v, n := binary.Varint(*r)
	*r = (*r)[n:]
	return v
}

func (r *record) bytes(n int) []byte {
	b := (*r)[:n]
	*r = (*r)[n:]
	return b
}

func (r *record) textBytes() []byte { return r.bytes(int(r.uvarint())) }

func (r *record) text() string { return string(r.textBytes()) }

func (r *record) micro() int64 { return int64(binary.LittleEndian.Uint64(r.bytes(8))) }

func (r *record) time() time.Time { return fromMicro(r.micro()) }

func (r *record) id() *uuid { return (*uuid)(r.bytes(16)) }

// has reads a flag.
func has[T ~uint16](flags, flag T) bool { return flags&flag != 0 }

// optionalID reads an id that may be absent.
func optionalID[T ~string](text T) (id uuid, given bool, err error) {
	if text == "" {
		return id, false, nil
	}
	if id, given = parseID(text); !given {
		return id, false, fmt.Errorf("%q is no canonical UUID", text)
	}
	return id, true, nil
}

// requiredID reads the id of a row.
func requiredID[T ~string](text T) (uuid, error) {
	id, ok := parseID(text)
	if !ok {
		return id, fmt.Errorf("%q is no canonical UUID", text)
	}
	return id, nil
}

// appendID appends an id and sets its flag, or does neither for none.
func appendID[T ~string](b []byte, flags *uint16, flag uint16, text T) ([]byte, error) {
	id, given, err := optionalID(text)
	if err != nil || !given {
		return b, err
	}
	*flags |= flag
	return append(b, id[:]...), nil
}
