// Multiplies a number by itself: {"value": 7} gives {"value": 49}. The twin of square.py, called as node/square.

function main({ value }) {
  return { value: (value || 0) ** 2 };
}
