package roster

import "sync/atomic"

const (
	shards     = 256
	shardShift = 56
)

// index leads from ids to rows. It is a hint shared by many pictures: one writer
// at a time adds entries, readers of any picture walk them meanwhile, and each
// verifies the id in its own chunks. Entries are never taken out; a shard that
// is full is built anew for the pictures to come, with the rows they have, while
// older pictures keep the old one.
type index struct {
	dir   *[shards]*shard
	owner uint64
}

// shard is an open table: 0 is empty, anything else a row + 1.
type shard struct {
	slots []uint32
	// used counts entries; only the writer reads it.
	used int
}

// newShard has room for n entries and a few more.
func newShard(n int) *shard {
	return &shard{slots: make([]uint32, n+n/3+4)}
}

func (s *shard) size() int64 { return int64(len(s.slots))*4 + 64 }

// full leaves at least every fifth slot empty, so that walks are short and end.
func (s *shard) full() bool { return (s.used+1)*5 > len(s.slots)*4 }

func (s *shard) start(hash uint64) uint32 {
	return uint32(uint64(uint32(hash)) * uint64(len(s.slots)) >> 32)
}

func (s *shard) after(at uint32) uint32 {
	if at++; int(at) < len(s.slots) {
		return at
	}
	return 0
}

func (s *shard) load(at uint32) uint32 { return atomic.LoadUint32(&s.slots[at]) }

// put adds an entry, unless the very same is there.
func (s *shard) put(hash uint64, row uint32) {
	at := s.start(hash)
	for {
		switch s.load(at) {
		case 0:
			atomic.StoreUint32(&s.slots[at], row+1)
			s.used++
			return
		case row + 1:
			return
		}
		at = s.after(at)
	}
}

func (x *index) shard(hash uint64) *shard {
	if x.dir == nil {
		return nil
	}
	return x.dir[hash>>shardShift]
}

// insert adds a row; alive tells the hash of a row that is in use.
func (x *index) insert(hash uint64, row uint32, token uint64, alive func(row uint32) (uint64, bool)) (added int64) {
	n := hash >> shardShift
	if x.dir == nil {
		x.dir, x.owner = new([shards]*shard), token
		added = shards * 8
	}
	s := x.dir[n]
	if s == nil || s.full() {
		if x.owner != token {
			dir := *x.dir
			x.dir, x.owner = &dir, token
		}
		fresh := rebuilt(s, n, alive)
		added += fresh.size()
		if s != nil {
			added -= s.size()
		}
		x.dir[n] = fresh
		s = fresh
	}
	s.put(hash, row)
	return added
}

// rebuilt returns a larger shard with what is alive of the old one.
func rebuilt(old *shard, n uint64, alive func(row uint32) (uint64, bool)) *shard {
	if old == nil {
		return newShard(4)
	}
	living := 0
	each := func(visit func(hash uint64, row uint32)) {
		for _, entry := range old.slots { // only the writer writes, and that is us
			if entry == 0 {
				continue
			}
			if hash, ok := alive(entry - 1); ok && hash>>shardShift == n {
				visit(hash, entry-1)
			}
		}
	}
	each(func(uint64, uint32) { living++ })
	fresh := newShard(living + living/4 + 4)
	each(fresh.put)
	return fresh
}
