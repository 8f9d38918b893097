// Adds to a number: {"value": 6} gives {"value": 7}. The twin of increment.py, called as node/increment.

function main({ value, increment }) {
  return { value: (value || 0) + (increment ?? 1) };
}
