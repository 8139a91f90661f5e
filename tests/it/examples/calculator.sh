#!/bin/sh
# Calculates what stands in `expression`. Only what arithmetic is written with gets through to awk.
expression=$(sed -n 's/.*"expression":"\([^"]*\)".*/\1/p')
case $expression in
  '' | *[!0-9.+*/\ \(\)-]*)
    echo "numbers, + - * / and parentheses are needed" >&2
    exit 1
    ;;
esac
awk "BEGIN { print ($expression) }"
