#!/bin/sh
# Says in one line what this machine lacks, before anything is made.
missing=""
python3.12 -c 'import venv, ensurepip' 2>/dev/null || missing="$missing, Python 3.12 (python3.12 with venv)"
java=java; [ -n "${JAVA_HOME:-}" ] && java="$JAVA_HOME/bin/java"
version=$("$java" -version 2>&1 | sed -nE 's/.*version "(1\.)?([0-9]+).*/\2/p' | head -n 1)
[ "${version:-0}" -ge 17 ] || missing="$missing, Java 17 or later (java, or JAVA_HOME)"
git merge-tree -h 2>&1 | grep -q -- --write-tree || missing="$missing, git 2.38 or later"
[ -z "$missing" ] && exit 0
echo "This machine lacks${missing#,}." >&2
exit 1
