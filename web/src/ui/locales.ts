/**
 * How the reader writes dates and numbers; the words around stay English. Some browsers name what
 * is no locale (`en-US@posix`), which would be an error wherever it is used.
 */
export const locales = navigator.languages.filter((name) => {
  try {
    return new Intl.Locale(name);
  } catch {
    return false;
  }
});
