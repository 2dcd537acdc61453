// What GitOps tools make of objects: Argo CD by a health script, Flux and others by kstatus.
//
//	gitops health.lua < objects.json
//
// reads a JSON array of objects, and writes one of verdicts.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	luajson "layeh.com/gopher-json"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type opinion struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

type verdict struct {
	Argo    opinion `json:"argo"`
	Kstatus opinion `json:"kstatus"`
}

// All that Argo CD lets a script answer.
var healths = []string{"Healthy", "Progressing", "Suspended", "Degraded", "Missing", "Unknown"}

// As long as Argo CD waits for a script.
const patience = time.Second

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gitops:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: gitops health.lua < objects.json")
	}
	script, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	var objects []json.RawMessage
	if err := json.NewDecoder(in).Decode(&objects); err != nil {
		return err
	}
	verdicts := make([]verdict, 0, len(objects))
	for _, object := range objects {
		v, err := judge(string(script), object)
		if err != nil {
			return err
		}
		verdicts = append(verdicts, v)
	}
	return json.NewEncoder(out).Encode(verdicts)
}

func judge(script string, text json.RawMessage) (verdict, error) {
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(text); err != nil {
		return verdict{}, err
	}
	argo, err := argo(script, object)
	if err != nil {
		return verdict{}, fmt.Errorf("health script, %s: %w", object.GetName(), err)
	}
	result, err := status.Compute(object)
	if err != nil {
		return verdict{}, fmt.Errorf("kstatus, %s: %w", object.GetName(), err)
	}
	return verdict{Argo: argo, Kstatus: opinion{string(result.Status), result.Message}}, nil
}

// argo asks the script as Argo CD does: an object that is being deleted is not shown to it.
func argo(script string, object *unstructured.Unstructured) (opinion, error) {
	if object.GetDeletionTimestamp() != nil {
		return opinion{"Progressing", "Pending deletion"}, nil
	}
	state, err := interpreter()
	if err != nil {
		return opinion{}, err
	}
	defer state.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	state.SetContext(ctx)
	text, err := object.MarshalJSON()
	if err != nil {
		return opinion{}, err
	}
	value, err := luajson.Decode(state, text)
	if err != nil {
		return opinion{}, err
	}
	state.SetGlobal("obj", value)
	if err := state.DoString(script); err != nil {
		return opinion{}, err
	}
	return answer(state.Get(-1))
}

// interpreter has the few libraries that Argo CD gives a script.
func interpreter() (*lua.LState, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	for name, open := range map[string]lua.LGFunction{
		lua.BaseLibName: lua.OpenBase,
		lua.TabLibName:  lua.OpenTable,
	} {
		state.Push(state.NewFunction(open))
		state.Push(lua.LString(name))
		if err := state.PCall(1, 0, nil); err != nil {
			state.Close()
			return nil, err
		}
	}
	return state, nil
}

func answer(value lua.LValue) (opinion, error) {
	text, err := luajson.Encode(value)
	if err != nil {
		return opinion{}, err
	}
	var said opinion
	if err := json.Unmarshal(text, &said); err != nil {
		return opinion{}, fmt.Errorf("it returned %s: %w", text, err)
	}
	if !slices.Contains(healths, said.Status) {
		return opinion{}, fmt.Errorf("it returned the status %q, which is none of %v", said.Status, healths)
	}
	return said, nil
}
