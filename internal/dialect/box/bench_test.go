package box_test

import (
	"fmt"
	"net/http"
	"testing"
)

// BenchmarkGroups asks what a group costs by how large it is. The aim is flat: a
// group of 100,000 takes no longer than one of 1,000 for one member or one page.
func BenchmarkGroups(b *testing.B) {
	for _, size := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("members=%d", size), func(b *testing.B) {
			h := newHouse(b)
			group := h.group("G")
			h.crowd(group, size)
			list := "/2.0/groups/" + group + "/memberships"
			body := h.membership("vera", group, "")
			b.Run("add and remove one", func(b *testing.B) {
				for range b.N {
					made := h.as("ada", "POST", "/2.0/group_memberships", body).must(http.StatusCreated)
					h.as("ada", "DELETE", "/2.0/group_memberships/"+made.text("id"), "").must(http.StatusNoContent)
				}
			})
			b.Run("first page of 100", func(b *testing.B) {
				for range b.N {
					h.as("ada", "GET", list, "").must(http.StatusOK)
				}
			})
			b.Run("page of 100 in the middle", func(b *testing.B) {
				for range b.N {
					h.as("ada", "GET", fmt.Sprintf("%s?offset=%d", list, min(size/2, 10_000)), "").must(http.StatusOK)
				}
			})
			b.Run("page of 100 at the end by marker", func(b *testing.B) {
				all := h.readMarked(list, 1000, nil)
				marker := all[len(all)-101]
				for b.Loop() {
					h.as("ada", "GET", list+"?usemarker=true&marker="+marker, "").must(http.StatusOK)
				}
			})
			b.Run("to the end by markers", func(b *testing.B) {
				for range b.N {
					if all := h.readMarked(list, 1000, nil); len(all) != size {
						b.Fatalf("%d members", len(all))
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(size), "ns/member")
			})
		})
	}
}
