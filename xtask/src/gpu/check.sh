#!/usr/bin/env bash
# Checks and times Selvedge's training on this machine's GPU. `cargo xtask gpu pack` made this folder.
#
#   bash check.sh                what is here is checked, what is missing is said; ends with a line a stage
#   OUT=DIR bash check.sh        the report goes there [default: report, beside this script]
#   LIMIT=SECONDS bash check.sh  how long all of it may take [default: 540]
#   PYTHON=PROGRAM bash check.sh the Python with PyTorch and JAX [default: python3]
#
# It needs bash, the usual small programs and NVIDIA's driver. Where they are, it takes Python with PyTorch and JAX, compute-sanitizer and ncu.
# The exit status is 1 where a stage failed. The report is what `cargo xtask gpu report` turns into a page.
set -uo pipefail

out=${OUT:-$(dirname "${BASH_SOURCE[0]}")/report}
limit=${LIMIT:-540}
python=${PYTHON:-python3}
mkdir -p "$out" && out=$(cd "$out" && pwd) || exit 1
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
rm -f "$out"/{check.log,machine.txt,stages.jsonl,bits.tsv,sanitizers.tsv,bench.jsonl,probe.tsv,ncu.csv}
exec > >(tee "$out/check.log") 2>&1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

about() { sed -n "s/^$1=//p" pack.txt; }
rehearsal=$(about rehearsal)
data=data
if [[ $rehearsal == yes ]]; then
    export LD_LIBRARY_PATH=$PWD${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    note=" (a rehearsal on an emulated GPU)"
else
    note=
fi
export PYTHONUNBUFFERED=1 XLA_PYTHON_CLIENT_PREALLOCATE=false
export out work data rehearsal python

# ---- The stages' bookkeeping ----

summary=() failed=0

# Prints tenths of a second since the start.
tenths() { echo $((${EPOCHREALTIME/[.,]/} / 100000 - began)); }
began=$((${EPOCHREALTIME/[.,]/} / 100000))

# Keeps a verdict: NAME VERDICT TENTHS REASON. No argument has a quote or a backslash.
verdict() {
    local seconds=$(($3 / 10)).$(($3 % 10))
    printf '{"stage":"%s","verdict":"%s","seconds":%s,"reason":"%s"}\n' "$1" "$2" "$seconds" "$4" >>"$out/stages.jsonl"
    summary+=("$(printf '%-9s %6s s  %s%s' "$2" "$seconds" "$1" "${4:+: $4}")")
    [[ $2 == FAILED ]] && failed=1
    return 0
}
leave_out() { verdict "$1" "left out" 0 "$2"; }

# stage NAME SECONDS FUNCTION ARGUMENT…: runs a function while there is time.
stage() {
    local name=$1 most=$2 start left code
    shift 2
    start=$(tenths)
    left=$((limit - start / 10))
    if ((left < 5)); then
        leave_out "$name" "the $limit s are over"
        return 1
    fi
    ((most > left)) && most=$left
    printf '\n-- %s%s: at %d s, for %d s at most\n' "$name" "$note" $((start / 10)) "$most"
    # A process of its own, which ends with all that it started.
    timeout --kill-after 3 "$most" bash -c 'set -uo pipefail; "$@"' stage "$@"
    code=$?
    case $code in
    0) verdict "$name" ok $(($(tenths) - start)) "" ;;
    124 | 137) verdict "$name" FAILED $(($(tenths) - start)) "not done after $most s" ;;
    *) verdict "$name" FAILED $(($(tenths) - start)) "see check.log" ;;
    esac
    return "$code"
}

finish() {
    local word=ok
    ((failed)) && word=FAILED
    verdict all "$word" "$(tenths)" ""
    printf '\n== Verdicts%s\n' "$note"
    printf '%s\n' "${summary[@]}"
    printf 'The report is in %s\n' "$out"
    # What is on its way to the log.
    sleep 0.3
    exit "$failed"
}

# ---- What the stages do ----

# train OPTION…: trains on the GPU.
train() { ./selvedge train --cuda --data "$data" "$@"; }

smoke() { # first of all: a hang or a fault ends here
    local text
    text=$(train --model tiny --recipe quickstart --steps "$1" --out "$work/smoke.selvedge") || return 1
    grep -E '^Using cuda device|^Saved' <<<"$text"
    # The GPU's name, as the program knows it.
    sed -n 's/^Using cuda device, \([^,]*\),.*/program=\1/p' <<<"$text" >>"$out/machine.txt"
    [[ $text == "Using cuda device, "* ]]
}

refuses() { # the driver's own words where there is no GPU
    local words
    # The emulated GPU knows its own way to have none.
    if words=$(CUDA_VISIBLE_DEVICES='' SELVEDGE_EMULATOR_FAIL=cuInit:1:CUDA_ERROR_NO_DEVICE \
        train --model tiny --steps 1 --out "$work/none.selvedge" 2>&1); then
        echo "it trained without a GPU: $words"
        return 1
    fi
    echo "$words"
    [[ $words == *"finds no GPU"* && ! -e $work/none.selvedge ]]
}

gpu_test() { SELVEDGE_GPU=$1 ./gpu-test; }

# one_run PLACE EXPECTED NAME OPTIONS: says whether the weights have the CPU's hash.
one_run() {
    local text found word=other # or same, or failed
    # shellcheck disable=SC2086 # the options are words
    if ! text=$(train $4 --out "$work/$1.selvedge" 2>&1); then
        word=failed found=${text##*$'\n'}
    else
        found=${text##*SHA-256 }
        [[ $found == "$2" ]] && word=same
        [[ $text == "Using cuda device, "* ]] || word=failed found="it did not train on the GPU"
    fi
    rm -f "$work/$1.selvedge"
    printf '%s\t%s\t%s\t%s\t%s\n' "$word" "$found" "$2" "$3" "$4" >"$work/$1.run"
    printf '%-6s %s %s\n' "$word" "${found:0:16}" "$3"
}

bits() { # a few at a time: most of a run is its start
    local expected name options place=0
    rm -f "$work"/*.run
    while IFS=$'\t' read -r expected name options; do
        while (($(jobs -rp | wc -l) >= 4)); do wait -n; done
        one_run "$place" "$expected" "$name" "$options" &
        place=$((place + 1))
    done <expected.txt
    wait
    for ((i = 0; i < place; i++)); do cat "$work/$i.run"; done >>"$out/bits.tsv"
    [[ $place -gt 0 ]] && ! grep -qv '^same' "$out/bits.tsv"
}

repeat() { # TIMES NAME
    local expected name options i
    while IFS=$'\t' read -r expected name options; do
        [[ $name == "$2" ]] && break
    done <expected.txt
    [[ $name == "$2" ]] || { echo "expected.txt has no run '$2'"; return 1; }
    for ((i = 0; i < $1; i++)); do
        one_run repeated "$expected" "$name" "$options"
        grep -q '^same' "$work/repeated.run" || return 1
    done
}

# bench OPTION…: adds its rows to the report.
bench() {
    rm -f "$work/bench.jsonl"
    ./bench-cuda --bench --data "$data" --json "$work/bench.jsonl" "$@" && cat "$work/bench.jsonl" >>"$out/bench.jsonl"
}

# peer ROUNDS EPOCHS OPTION…: a program of the folder peers, in turns with ours.
peer() {
    local rounds=$1 epochs=$2
    shift 2
    bench --batch-size 64 --epochs "$epochs" --rounds "$rounds" --peer "$python $* --batch {batch} --epochs {epochs}"
}

probe() { ./probe | tee "$out/probe.tsv"; }

# sanitize TOOL: first most kinds of kernels, then the quickstart's tiles with a batch that fills none.
sanitize() {
    local log=$work/$1.log code=0 model options line
    for model in tiny quickstart; do
        options=(--limit-train 200 --steps 3 --batch-size 63)
        [[ $model == tiny ]] && options=(--limit-train 1000 --steps 12 --batch-size 100 --optimizer adam --dropout 0.2 --clip 1)
        if ! compute-sanitizer --tool "$1" --error-exitcode 9 ./selvedge train --cuda --data "$data" --model "$model" --recipe quickstart \
            "${options[@]}" --out "$work/sanitized.selvedge" >"$log" 2>&1; then
            grep -E '^=========|^error' "$log" | head -40
            code=1
        fi
        line=$(grep SUMMARY "$log" | tail -1)
        printf '%s, %s\t%s\n' "$1" "$model" "${line#========= }" | tee -a "$out/sanitizers.tsv"
    done
    return "$code"
}

profile() { # kernels of a few steps, after those that warm up
    local metrics=gpu__time_duration.sum,sm__cycles_elapsed.max,smsp__inst_executed.sum,lts__t_bytes.sum
    metrics+=,l1tex__data_pipe_lsu_wavefronts_mem_shared_op_ld.sum,l1tex__data_bank_conflicts_pipe_lsu_mem_shared.sum
    metrics+=,launch__grid_size,launch__registers_per_thread
    ncu --clock-control none --graph-profiling node --launch-skip 60 --launch-count 36 --metrics "$metrics" --print-units base --csv \
        ./selvedge train --cuda --data "$data" --recipe quickstart --steps 40 --out "$work/profiled.selvedge" >"$work/ncu.txt" 2>&1
    # Only the table: the program's own lines come between.
    grep '^"' "$work/ncu.txt" >"$out/ncu.csv"
    wc -l <"$out/ncu.csv"
    (($(wc -l <"$out/ncu.csv") > 1)) || { tail -20 "$work/ncu.txt"; return 1; }
}

export -f train smoke refuses gpu_test one_run bits repeat bench peer probe sanitize profile

# ---- The machine ----

{
    echo "date=$(date -u +%F)"
    cat pack.txt
    if command -v nvidia-smi >/dev/null; then
        nvidia-smi --query-gpu=name,driver_version,clocks.max.sm,memory.total --format=csv,noheader | head -1 |
            { IFS=, read -r name driver clock memory && printf 'gpu=%s\ndriver=%s\nclock=%s\nmemory=%s\n' "$name" "${driver# }" "${clock# }" "${memory# }"; }
    fi
} >"$out/machine.txt"
echo "Selvedge's check of a GPU$note"
cat "$out/machine.txt"
command -v nvidia-smi >/dev/null || echo "There is no nvidia-smi: the driver's version is not known"
for program in selvedge bench-cuda gpu-test; do
    if command -v ldd >/dev/null && missing=$(ldd "./$program" 2>&1 | grep 'not found'); then
        verdict "the program $program" FAILED 0 "the machine lacks a library of it"
        echo "$missing"
        finish
    fi
done

# has MODULE: whether Python has it, and it finds the GPU.
has() {
    [[ $rehearsal == no ]] && command -v "$python" >/dev/null || return 1
    case $1 in
    torch) timeout 60 "$python" -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null ;;
    jax) timeout 60 "$python" -c 'import jax; assert jax.default_backend() == "gpu"' 2>/dev/null ;;
    esac
}
without="no $python with"
[[ $rehearsal == yes ]] && without="a rehearsal has no"

# ---- The stages, the ones worth most first ----

if [[ $rehearsal == yes ]]; then
    steps=2 times=2 extent=quick quick=(--epochs 2)
else
    steps=30 times=10 extent=whole quick=(--epochs 30)
fi

stage smoke 60 smoke "$steps" || finish
stage "refuses without a GPU" 20 refuses
stage "GPU test" 240 gpu_test "$extent"
stage bits 120 bits
stage repeat 60 repeat "$times" "$(about repeated)"
stage "bench at 64" 60 bench --batch-size 64 "${quick[@]}"
if [[ -x probe ]]; then stage probe 30 probe; else leave_out probe "a rehearsal has none"; fi

torch=0 jax=0
has torch && torch=1
has jax && jax=1
# if_torch|if_jax NAME SECONDS ROUNDS EPOCHS OPTION…
if_torch() { if ((torch)); then stage "$1" "$2" peer "$3" "$4" peers/pytorch.py "$data" "${@:5}"; else leave_out "$1" "$without PyTorch that finds the GPU"; fi; }
if_jax() { if ((jax)); then stage "$1" "$2" peer "$3" "$4" peers/jax.py "$data" "${@:5}"; else leave_out "$1" "$without JAX that finds the GPU"; fi; }
if_torch "PyTorch, a step as a graph" 90 3 10 --mode graph
if_jax JAX 100 3 10

for tool in memcheck racecheck synccheck initcheck; do
    if [[ $rehearsal == yes ]]; then
        leave_out "$tool" "a rehearsal has no GPU to look into"
    elif command -v compute-sanitizer >/dev/null; then
        stage "$tool" 60 sanitize "$tool"
    else
        leave_out "$tool" "no compute-sanitizer"
    fi
done

if_torch "PyTorch, many steps a graph, TF32" 60 1 10 --mode many --tf32
if_torch "PyTorch, eager" 40 1 3 --mode eager
if_torch "PyTorch, compiled" 90 1 5 --mode compile
if_jax "JAX, TF32" 60 1 10 --tf32

if [[ $rehearsal == yes ]]; then
    leave_out profile "a rehearsal has no GPU to look into"
elif command -v ncu >/dev/null; then
    stage profile 60 profile
else
    leave_out profile "no ncu"
fi
if [[ $rehearsal == yes ]]; then
    stage "bench at 256" 60 bench --batch-size 256 "${quick[@]}"
else
    stage "bench at 256 and 1024" 60 bench --batch-size 256,1024 --epochs 10
fi
finish
