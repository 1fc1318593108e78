package gate

const (
	Chunk       = chunk
	ChunkWithin = chunkWithin
)

var NewBoundOf = newBound
