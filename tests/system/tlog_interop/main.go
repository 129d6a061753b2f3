// The questions of tlog_tool.cpp, answered by golang.org/x/mod/sumdb/note and sumdb/tlog.
package main

import (
	"bufio"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func decoded(text string) string {
	bytes, err := base64.StdEncoding.DecodeString(text)
	must(err)
	return string(bytes)
}

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	must(err)
	return n
}

func hashes(words []string) []tlog.Hash {
	var out []tlog.Hash
	for _, word := range words {
		hash, err := tlog.ParseHash(word)
		must(err)
		out = append(out, hash)
	}
	return out
}

func joined(hashes []tlog.Hash) string {
	var out []string
	for _, hash := range hashes {
		out = append(out, hash.String())
	}
	return strings.Join(out, " ")
}

func verdict(err error) string {
	if err != nil {
		return "refused"
	}
	return "good"
}

func vkey(seed, name string) string {
	bytes, err := hex.DecodeString(seed)
	must(err)
	key, err := note.NewEd25519VerifierKey(decoded(name), ed25519.NewKeyFromSeed(bytes).Public().(ed25519.PublicKey))
	must(err)
	return key
}

func sign(seed, name, text string) string {
	bytes, err := hex.DecodeString(seed)
	must(err)
	hash := strings.Split(vkey(seed, name), "+")[1]
	private := base64.StdEncoding.EncodeToString(append([]byte{1}, bytes...))
	signer, err := note.NewSigner("PRIVATE+KEY+" + decoded(name) + "+" + hash + "+" + private)
	must(err)
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	must(err)
	return string(signed)
}

func open(key, text string) (string, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return "", err
	}
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		return "", err
	}
	return opened.Text, nil
}

// The three lines of a checkpoint: ParseTree knows them under its own first line.
func readCheckpoint(key, text string) string {
	opened, err := open(key, text)
	if err != nil {
		return "refused"
	}
	lines := strings.SplitN(opened, "\n", 2)
	if lines[0] != strings.Split(key, "+")[0] {
		return "refused"
	}
	tree, err := tlog.ParseTree([]byte("go.sum database tree\n" + lines[1]))
	if err != nil {
		return "refused"
	}
	return fmt.Sprintf("%d %s", tree.N, tree.Hash)
}

var stored []tlog.Hash
var size int64

var reader = tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, index := range indexes {
		out = append(out, stored[index])
	}
	return out, nil
})

func grow(to int64) tlog.Hash {
	for ; size < to; size++ {
		more, err := tlog.StoredHashes(size, []byte(fmt.Sprintf("entry %d", size)), reader)
		must(err)
		stored = append(stored, more...)
	}
	root, err := tlog.TreeHash(to, reader)
	must(err)
	return root
}

func answer(words []string) string {
	switch words[0] {
	case "vkey":
		return encoded(vkey(words[1], words[2]))
	case "sign":
		return encoded(sign(words[1], words[2], decoded(words[3])))
	case "open":
		text, err := open(decoded(words[1]), decoded(words[2]))
		if err != nil {
			return "refused"
		}
		return encoded(text)
	case "grow":
		return grow(number(words[1])).String()
	case "checkpoint":
		n := number(words[3])
		tree := string(tlog.FormatTree(tlog.Tree{N: n, Hash: grow(n)}))
		return encoded(sign(words[1], words[2], decoded(words[2])+tree[strings.Index(tree, "\n"):]))
	case "read_checkpoint":
		return readCheckpoint(decoded(words[1]), decoded(words[2]))
	case "inclusion":
		proof, err := tlog.ProveRecord(number(words[2]), number(words[1]), reader)
		must(err)
		return joined(proof)
	case "consistency":
		proof, err := tlog.ProveTree(number(words[2]), number(words[1]), reader)
		must(err)
		return joined(proof)
	case "check_inclusion":
		given := hashes(words[3:])
		leaf := tlog.RecordHash([]byte("entry " + words[1]))
		return verdict(tlog.CheckRecord(given[1:], number(words[2]), given[0], number(words[1]), leaf))
	case "check_consistency":
		given := hashes(words[3:])
		return verdict(tlog.CheckTree(given[2:], number(words[2]), given[1], number(words[1]), given[0]))
	}
	panic("no such question: " + words[0])
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	for lines.Scan() {
		fmt.Println(answer(strings.Fields(lines.Text())))
	}
	must(lines.Err())
}
