#!/bin/sh
# An MCP server in a few lines of shell: it reads a message from each line, and answers on standard output.
answer() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"; }

while IFS= read -r message; do
    id=${message#*\"id\":}
    id=${id%%,*}
    case $message in
        *'"method":"initialize"'*)
            answer '{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"clock","version":"1"}}'
            ;;
        *'"method":"tools/list"'*)
            answer '{"tools":[{"name":"now","description":"The date and time in UTC.","inputSchema":{"type":"object"}}]}'
            ;;
        *'"method":"tools/call"'*)
            answer "{\"content\":[{\"type\":\"text\",\"text\":\"$(date -u '+%A, %F %T')\"}]}"
            ;;
    esac
done
