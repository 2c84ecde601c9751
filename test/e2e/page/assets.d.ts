// What Vite makes of `?url`: the address at which the built page finds the file.
declare module '*?url' {
  const url: string;
  // biome-ignore lint/style/noDefaultExport: the bundler's own form
  export default url;
}
