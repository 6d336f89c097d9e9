/**
 * Shell function `edge_link_end PATH`: prints where a path leads without its symlinks, also where the last part is not
 * there; fails where it leads nowhere. A link to a place below itself (`dir -> dir/in`) gets longer with each turn: GNU's
 * `readlink -f` follows it until the memory is full, so the kernel, which gives up after 40 links, is asked first.
 */
export const LINK_END = `edge_link_end() {
  if ! [ -e "$1" ]; then
    case $(LC_ALL=C ls -dL -- "$1" 2>&1) in
      *": Too many levels of symbolic links" | *": Symbolic link loop") return 1 ;;
    esac
  fi
  readlink -f -- "$1"
}`;
