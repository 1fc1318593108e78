package ir

import (
	"math/rand"
	"testing"
)

// crowds are the shapes that a file with as many nodes as it may have can give
// the arena.
func crowds(n int) map[string][]lifetime {
	all := map[string][]lifetime{}
	for i := range n {
		size := 64 * (1 + i%17)
		scattered := i * 2654435761 % n
		all["chain"] = append(all["chain"], lifetime{i, i + 1, size})
		all["all alive together"] = append(all["all alive together"], lifetime{i, n, size})
		all["scattered"] = append(all["scattered"], lifetime{min(i, scattered), max(i, scattered), size})
		hole := lifetime{i, n, 64}
		if i >= n/2 {
			hole.bytes = 128 // fits in none of the holes
		} else if i%2 == 0 {
			hole.last = n / 2
		}
		all["holes that nothing fits"] = append(all["holes that nothing fits"], hole)
	}
	return all
}

func TestBothWaysOfPlacingKeepLiveValuesApart(t *testing.T) {
	cases := crowds(600)
	r := rand.New(rand.NewSource(1))
	for range 3000 {
		first := r.Intn(500)
		cases["random"] = append(cases["random"], lifetime{first, first + r.Intn(30), max(r.Intn(5000)-100, 0)})
	}
	for name, lives := range cases {
		for way, place := range map[string]func([]lifetime, []int, []Place) int{"size": layOutBySize, "time": layOutByTime} {
			places, order := make([]Place, len(lives)), []int(nil)
			for id := range lives {
				order = append(order, id)
			}
			arena := place(lives, order, places)
			t.Logf("%s by %s: %d bytes", name, way, arena)
			for a := range lives {
				if places[a].Offset+places[a].Bytes > arena || places[a].Offset%Alignment != 0 || places[a].Bytes != lives[a].bytes {
					t.Fatalf("%s by %s: value %d of %d bytes lies at %+v of %d", name, way, a, lives[a].bytes, places[a], arena)
				}
				for b := range a {
					if lives[a].meets(lives[b]) && places[a].Offset < places[b].Offset+places[b].Bytes && places[b].Offset < places[a].Offset+places[a].Bytes {
						t.Fatalf("%s by %s: values %d and %d overlap", name, way, a, b)
					}
				}
			}
		}
	}
}

func BenchmarkLayOut(b *testing.B) {
	for name, lives := range crowds(1 << 16) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				layOut(lives)
			}
		})
	}
}
