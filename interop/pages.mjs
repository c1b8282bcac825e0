// The code blocks of a page, for the checks that run them.
import { readFileSync } from 'node:fs';

// The blocks of that language, in their order.
export function blocksOf(path, language) {
  const pattern = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm');
  return [...readFileSync(path, 'utf8').matchAll(pattern)].map((match) => match[1]);
}

// The block of that language that has the text.
export function blockOf(path, language, text) {
  const block = blocksOf(path, language).find((each) => each.includes(text));
  if (!block) throw new Error(`${path}: no block of ${language} has '${text}'`);
  return block;
}
