/** Where the package's files lie, wherever this code was bundled to. */
export const packageFolder = new URL('.', import.meta.resolve('gouache/package.json'));
