module github.com/squadron-edge/squadron

go 1.26.8

require golang.org/x/image v0.30.0

require (
	github.com/rogpeppe/go-internal v1.14.1
	golang.org/x/tools v0.26.0 // indirect
)
