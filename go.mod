module github.com/squadron-edge/squadron

go 1.26.8

require google.golang.org/protobuf v1.36.6
