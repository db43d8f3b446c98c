// Renders the Go templates of tests/data/go_templates/cases.json over its conversations with Go's own
// text/template, by the rules that Ollama documents for its prompts, and writes what comes out to
// expected.json beside it: what go_template_to_jinja is held to.
//
//	go run scripts/go_template_reference.go tests/data/go_templates
package main

import (
	"encoding/json"
	"log"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"text/template/parse"
)

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type cases struct {
	Templates     map[string]string    `json:"templates"`
	Conversations map[string][]message `json:"conversations"`
}

// A field's uses in a list, to the bottom; in conditions too.
func uses(node parse.Node, field string) bool {
	switch n := node.(type) {
	case *parse.ListNode:
		if n == nil {
			return false
		}
		for _, child := range n.Nodes {
			if uses(child, field) {
				return true
			}
		}
	case *parse.ActionNode:
		return uses(n.Pipe, field)
	case *parse.PipeNode:
		for _, command := range n.Cmds {
			for _, argument := range command.Args {
				if uses(argument, field) {
					return true
				}
			}
		}
	case *parse.IfNode:
		return uses(n.Pipe, field) || uses(n.List, field) || uses(n.ElseList, field)
	case *parse.RangeNode:
		return uses(n.Pipe, field) || uses(n.List, field) || uses(n.ElseList, field)
	case *parse.FieldNode:
		return n.Ident[0] == field
	case *parse.VariableNode:
		return len(n.Ident) > 1 && n.Ident[1] == field
	}
	return false
}

// Removes what stands behind the first response that is printed; whether there was one.
func cut(list *parse.ListNode) bool {
	for i, node := range list.Nodes {
		found := false
		switch n := node.(type) {
		case *parse.ActionNode:
			found = uses(n.Pipe, "Response")
		case *parse.IfNode:
			if found = cut(n.List); found {
				n.ElseList = nil
			} else if n.ElseList != nil {
				found = cut(n.ElseList)
			}
		}
		if found {
			list.Nodes = list.Nodes[:i+1]
			return true
		}
	}
	return false
}

// Neighbours of one role become one message; a tool's stay apart.
func joined(messages []message) (systems []string, turns []message) {
	for _, m := range messages {
		if m.Role == "system" {
			systems = append(systems, m.Content)
		}
		if n := len(turns); n > 0 && turns[n-1].Role == m.Role && m.Role != "tool" {
			turns[n-1].Content += "\n\n" + m.Content
		} else {
			turns = append(turns, m)
		}
	}
	return systems, turns
}

func parsed(source string) *template.Template {
	return template.Must(template.New("").Option("missingkey=zero").Parse(source))
}

func render(source string, messages []message) string {
	whole := parsed(source)
	root := whole.Tree.Root
	if !uses(root, "Messages") && !uses(root, "Response") {
		source += "{{ .Response }}"
		whole = parsed(source)
	}
	var out strings.Builder
	execute := func(t *template.Template, data map[string]any) {
		if err := t.Execute(&out, data); err != nil {
			log.Fatal(err)
		}
	}
	systems, turns := joined(messages)
	if uses(root, "Messages") {
		execute(whole, map[string]any{
			"System": strings.Join(systems, "\n\n"), "Messages": turns, "Response": ""})
		return out.String()
	}
	turn := map[string]any{"System": "", "Prompt": "", "Response": ""}
	flush := func() {
		execute(whole, turn)
		turn = map[string]any{"System": "", "Prompt": "", "Response": ""}
	}
	for _, m := range turns {
		switch m.Role {
		case "system":
			if turn["Prompt"] != "" || turn["Response"] != "" {
				flush()
			}
			turn["System"] = m.Content
		case "user":
			if turn["Response"] != "" {
				flush()
			}
			turn["Prompt"] = m.Content
		case "assistant":
			turn["Response"] = m.Content
		}
	}
	last := parsed(source)
	cut(last.Tree.Root)
	execute(last, turn)
	return out.String()
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: go_template_reference.go FOLDER")
	}
	text, err := os.ReadFile(filepath.Join(os.Args[1], "cases.json"))
	if err != nil {
		log.Fatal(err)
	}
	var all cases
	if err := json.Unmarshal(text, &all); err != nil {
		log.Fatal(err)
	}
	expected := map[string]map[string]string{}
	for name, source := range all.Templates {
		expected[name] = map[string]string{}
		for conversation, messages := range all.Conversations {
			expected[name][conversation] = render(source, messages)
		}
	}
	file, err := os.Create(filepath.Join(os.Args[1], "expected.json"))
	if err != nil {
		log.Fatal(err)
	}
	encoder := json.NewEncoder(file)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(expected); err != nil {
		log.Fatal(err)
	}
}
