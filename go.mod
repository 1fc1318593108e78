module github.com/squadron-edge/squadron

go 1.26.8
